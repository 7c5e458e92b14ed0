"""What a client's session offers: files, credentials, secrets, an ssh agent, uploads, content.

moby/buildkit session/, tonistiigi/fsutil types/, grpc health/v1, containerd api/services/content/v1.
"""

from sampan.specs import wellknown
from sampan.specs.protobuf import File

FSUTIL = File(
    package="fsutil.types",
    messages={
        "Packet": {
            "type": (1, "Packet.PacketType"),
            "stat": (2, "Stat"),
            "ID": (3, "uint32"),
            "data": (4, "bytes"),
        },
        # The .proto says string for both names; on the wire it is the same, and file names need not be UTF-8.
        "Stat": {
            "path": (1, "bytes"),
            "mode": (2, "uint32"),  # Go's os.FileMode
            "uid": (3, "uint32"),
            "gid": (4, "uint32"),
            "size": (5, "int64"),
            "modTime": (6, "int64"),  # ns
            "linkname": (7, "bytes"),
            "devmajor": (8, "int64"),
            "devminor": (9, "int64"),
            "xattrs": (10, "map<string, bytes>"),
        },
    },
    enums={
        "Packet.PacketType": {
            "PACKET_STAT": 0,
            "PACKET_REQ": 1,
            "PACKET_DATA": 2,
            "PACKET_FIN": 3,
            "PACKET_ERR": 4,
        }
    },
)

FILESYNC = File(
    package="moby.filesync.v1",
    messages={
        "BytesMessage": {"data": (1, "bytes")},
        "CredentialsRequest": {"Host": (1, "string")},
        "CredentialsResponse": {"Username": (1, "string"), "Secret": (2, "string")},
        "FetchTokenRequest": {
            "ClientID": (1, "string"),
            "Host": (2, "string"),
            "Realm": (3, "string"),
            "Service": (4, "string"),
            "Scopes": (5, "repeated string"),
        },
        "FetchTokenResponse": {
            "Token": (1, "string"),
            "ExpiresIn": (2, "int64"),  # seconds
            "IssuedAt": (3, "int64"),  # Unix time
        },
        "GetTokenAuthorityRequest": {"Host": (1, "string"), "Salt": (2, "bytes")},
        "GetTokenAuthorityResponse": {"PublicKey": (1, "bytes")},
        "VerifyTokenAuthorityRequest": {"Host": (1, "string"), "Payload": (2, "bytes"), "Salt": (3, "bytes")},
        "VerifyTokenAuthorityResponse": {"Signed": (1, "bytes")},
    },
    services={
        "FileSync": {
            "DiffCopy": ("stream fsutil.types.Packet", "stream fsutil.types.Packet"),
            "TarStream": ("stream fsutil.types.Packet", "stream fsutil.types.Packet"),
        },
        "FileSend": {"DiffCopy": ("stream BytesMessage", "stream BytesMessage")},
        "Auth": {
            "Credentials": ("CredentialsRequest", "CredentialsResponse"),
            "FetchToken": ("FetchTokenRequest", "FetchTokenResponse"),
            "GetTokenAuthority": ("GetTokenAuthorityRequest", "GetTokenAuthorityResponse"),
            "VerifyTokenAuthority": ("VerifyTokenAuthorityRequest", "VerifyTokenAuthorityResponse"),
        },
    },
)

SECRETS = File(
    package="moby.buildkit.secrets.v1",
    messages={
        "GetSecretRequest": {"ID": (1, "string"), "annotations": (2, "map<string, string>")},
        "GetSecretResponse": {"data": (1, "bytes")},
    },
    services={"Secrets": {"GetSecret": ("GetSecretRequest", "GetSecretResponse")}},
)

SSH = File(
    package="moby.sshforward.v1",
    messages={
        "BytesMessage": {"data": (1, "bytes")},
        "CheckAgentRequest": {"ID": (1, "string")},
        "CheckAgentResponse": {},
    },
    services={
        "SSH": {
            "CheckAgent": ("CheckAgentRequest", "CheckAgentResponse"),
            "ForwardAgent": ("stream BytesMessage", "stream BytesMessage"),
        }
    },
)

UPLOAD = File(
    package="moby.upload.v1",
    messages={"BytesMessage": {"data": (1, "bytes")}},
    services={"Upload": {"Pull": ("stream BytesMessage", "stream BytesMessage")}},
)

HEALTH = File(
    package="grpc.health.v1",
    messages={
        "HealthCheckRequest": {"service": (1, "string")},
        "HealthCheckResponse": {"status": (1, "HealthCheckResponse.ServingStatus")},
    },
    enums={
        "HealthCheckResponse.ServingStatus": {
            "UNKNOWN": 0,
            "SERVING": 1,
            "NOT_SERVING": 2,
            "SERVICE_UNKNOWN": 3,
        }
    },
    services={
        "Health": {
            "Check": ("HealthCheckRequest", "HealthCheckResponse"),
            "Watch": ("HealthCheckRequest", "stream HealthCheckResponse"),
        }
    },
)

# What oci-layout contexts and caches in directories need of it.
CONTENT = File(
    package="containerd.services.content.v1",
    messages={
        "Info": {
            "digest": (1, "string"),
            "size": (2, "int64"),
            "created_at": (3, "google.protobuf.Timestamp"),
            "updated_at": (4, "google.protobuf.Timestamp"),
            "labels": (5, "map<string, string>"),
        },
        "InfoRequest": {"digest": (1, "string")},
        "InfoResponse": {"info": (1, "Info")},
        "ReadContentRequest": {"digest": (1, "string"), "offset": (2, "int64"), "size": (3, "int64")},
        "ReadContentResponse": {"offset": (1, "int64"), "data": (2, "bytes")},
        "WriteContentRequest": {
            "action": (1, "WriteAction"),
            "ref": (2, "string"),
            "total": (3, "int64"),
            "expected": (4, "string"),  # digest
            "offset": (5, "int64"),
            "data": (6, "bytes"),
            "labels": (7, "map<string, string>"),
        },
        "WriteContentResponse": {
            "action": (1, "WriteAction"),
            "started_at": (2, "google.protobuf.Timestamp"),
            "updated_at": (3, "google.protobuf.Timestamp"),
            "offset": (4, "int64"),
            "total": (5, "int64"),
            "digest": (6, "string"),
        },
    },
    enums={"WriteAction": {"STAT": 0, "WRITE": 1, "COMMIT": 2}},
    services={
        "Content": {
            "Info": ("InfoRequest", "InfoResponse"),
            "Read": ("ReadContentRequest", "stream ReadContentResponse"),
            "Write": ("stream WriteContentRequest", "stream WriteContentResponse"),
        }
    },
)

FILES = (wellknown.PROTOBUF, wellknown.RPC, FSUTIL, FILESYNC, SECRETS, SSH, UPLOAD, HEALTH, CONTENT)
