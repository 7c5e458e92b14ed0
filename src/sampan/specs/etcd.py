"""etcd's protocol, as far as a store of objects speaks it: api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto.

Loads protobuf: import it where it is needed.
"""

from functools import cache

from sampan.specs.protobuf import File, Schema

MVCC = File(
    package="mvccpb",
    messages={
        "KeyValue": {
            "key": (1, "bytes"),
            "create_revision": (2, "int64"),
            "mod_revision": (3, "int64"),
            "version": (4, "int64"),
            "value": (5, "bytes"),
            "lease": (6, "int64"),
        },
        "Event": {"type": (1, "Event.EventType"), "kv": (2, "KeyValue"), "prev_kv": (3, "KeyValue")},
    },
    enums={"Event.EventType": {"PUT": 0, "DELETE": 1}},
)

SERVER = File(
    package="etcdserverpb",
    messages={
        "ResponseHeader": {
            "cluster_id": (1, "uint64"),
            "member_id": (2, "uint64"),
            "revision": (3, "int64"),
            "raft_term": (4, "uint64"),
        },
        "RangeRequest": {
            "key": (1, "bytes"),
            "range_end": (2, "bytes"),
            "limit": (3, "int64"),
            "revision": (4, "int64"),
            "sort_order": (5, "RangeRequest.SortOrder"),
            "sort_target": (6, "RangeRequest.SortTarget"),
            "serializable": (7, "bool"),
            "keys_only": (8, "bool"),
            "count_only": (9, "bool"),
            "min_mod_revision": (10, "int64"),
            "max_mod_revision": (11, "int64"),
            "min_create_revision": (12, "int64"),
            "max_create_revision": (13, "int64"),
        },
        "RangeResponse": {
            "header": (1, "ResponseHeader"),
            "kvs": (2, "repeated mvccpb.KeyValue"),
            "more": (3, "bool"),
            "count": (4, "int64"),
        },
        "PutRequest": {
            "key": (1, "bytes"),
            "value": (2, "bytes"),
            "lease": (3, "int64"),
            "prev_kv": (4, "bool"),
            "ignore_value": (5, "bool"),
            "ignore_lease": (6, "bool"),
        },
        "PutResponse": {"header": (1, "ResponseHeader"), "prev_kv": (2, "mvccpb.KeyValue")},
        "DeleteRangeRequest": {"key": (1, "bytes"), "range_end": (2, "bytes"), "prev_kv": (3, "bool")},
        "DeleteRangeResponse": {
            "header": (1, "ResponseHeader"),
            "deleted": (2, "int64"),
            "prev_kvs": (3, "repeated mvccpb.KeyValue"),
        },
        "RequestOp": {
            "request_range": (1, "RangeRequest", "request"),
            "request_put": (2, "PutRequest", "request"),
            "request_delete_range": (3, "DeleteRangeRequest", "request"),
            "request_txn": (4, "TxnRequest", "request"),
        },
        "ResponseOp": {
            "response_range": (1, "RangeResponse", "response"),
            "response_put": (2, "PutResponse", "response"),
            "response_delete_range": (3, "DeleteRangeResponse", "response"),
            "response_txn": (4, "TxnResponse", "response"),
        },
        "Compare": {
            "result": (1, "Compare.CompareResult"),
            "target": (2, "Compare.CompareTarget"),
            "key": (3, "bytes"),
            "version": (4, "int64", "target_union"),
            "create_revision": (5, "int64", "target_union"),
            "mod_revision": (6, "int64", "target_union"),
            "value": (7, "bytes", "target_union"),
            "lease": (8, "int64", "target_union"),
            "range_end": (64, "bytes"),
        },
        "TxnRequest": {
            "compare": (1, "repeated Compare"),
            "success": (2, "repeated RequestOp"),
            "failure": (3, "repeated RequestOp"),
        },
        "TxnResponse": {
            "header": (1, "ResponseHeader"),
            "succeeded": (2, "bool"),
            "responses": (3, "repeated ResponseOp"),
        },
        "CompactionRequest": {"revision": (1, "int64"), "physical": (2, "bool")},
        "CompactionResponse": {"header": (1, "ResponseHeader")},
        "WatchRequest": {
            "create_request": (1, "WatchCreateRequest", "request_union"),
            "cancel_request": (2, "WatchCancelRequest", "request_union"),
            "progress_request": (3, "WatchProgressRequest", "request_union"),
        },
        "WatchCreateRequest": {
            "key": (1, "bytes"),
            "range_end": (2, "bytes"),
            "start_revision": (3, "int64"),
            "progress_notify": (4, "bool"),
            "filters": (5, "repeated WatchCreateRequest.FilterType"),
            "prev_kv": (6, "bool"),
            "watch_id": (7, "int64"),
            "fragment": (8, "bool"),
        },
        "WatchCancelRequest": {"watch_id": (1, "int64")},
        "WatchProgressRequest": {},
        "WatchResponse": {
            "header": (1, "ResponseHeader"),
            "watch_id": (2, "int64"),
            "created": (3, "bool"),
            "canceled": (4, "bool"),
            "compact_revision": (5, "int64"),
            "cancel_reason": (6, "string"),
            "fragment": (7, "bool"),
            "events": (11, "repeated mvccpb.Event"),
        },
        "LeaseGrantRequest": {"TTL": (1, "int64"), "ID": (2, "int64")},
        "LeaseGrantResponse": {
            "header": (1, "ResponseHeader"),
            "ID": (2, "int64"),
            "TTL": (3, "int64"),
            "error": (4, "string"),
        },
        "LeaseTimeToLiveRequest": {"ID": (1, "int64"), "keys": (2, "bool")},
        "LeaseTimeToLiveResponse": {
            "header": (1, "ResponseHeader"),
            "ID": (2, "int64"),
            "TTL": (3, "int64"),
            "grantedTTL": (4, "int64"),
            "keys": (5, "repeated bytes"),
        },
        "StatusRequest": {},
        "StatusResponse": {
            "header": (1, "ResponseHeader"),
            "version": (2, "string"),
            "dbSize": (3, "int64"),
            "leader": (4, "uint64"),
            "raftIndex": (5, "uint64"),
            "raftTerm": (6, "uint64"),
            "raftAppliedIndex": (7, "uint64"),
            "errors": (8, "repeated string"),
            "dbSizeInUse": (9, "int64"),
            "isLearner": (10, "bool"),
            "storageVersion": (11, "string"),
            "dbSizeQuota": (12, "int64"),
        },
    },
    enums={
        "RangeRequest.SortOrder": {"NONE": 0, "ASCEND": 1, "DESCEND": 2},
        "RangeRequest.SortTarget": {"KEY": 0, "VERSION": 1, "CREATE": 2, "MOD": 3, "VALUE": 4},
        "Compare.CompareResult": {"EQUAL": 0, "GREATER": 1, "LESS": 2, "NOT_EQUAL": 3},
        "Compare.CompareTarget": {"VERSION": 0, "CREATE": 1, "MOD": 2, "VALUE": 3, "LEASE": 4},
        "WatchCreateRequest.FilterType": {"NOPUT": 0, "NODELETE": 1},
    },
    services={
        "KV": {
            "Range": ("RangeRequest", "RangeResponse"),
            "Txn": ("TxnRequest", "TxnResponse"),
            "Compact": ("CompactionRequest", "CompactionResponse"),
        },
        "Watch": {"Watch": ("stream WatchRequest", "stream WatchResponse")},
        "Lease": {
            "LeaseGrant": ("LeaseGrantRequest", "LeaseGrantResponse"),
            "LeaseTimeToLive": ("LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"),
        },
        "Maintenance": {"Status": ("StatusRequest", "StatusResponse")},
    },
)


@cache
def schema() -> Schema:
    """The same one for all callers."""
    return Schema((MVCC, SERVER))
