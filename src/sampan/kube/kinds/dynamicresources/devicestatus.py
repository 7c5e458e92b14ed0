"""What drivers say in a claim's status of the devices that were allocated to it."""

from typing import Any

from sampan.kube.kinds.dynamicresources import pieces
from sampan.kube.kinds.resource import Object
from sampan.kube.kinds.storage.parameters import driver_name_errors
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.conditions import conditions_errors
from sampan.specs.kubernetes.fielderror import FieldError, Shown, invalid, too_long, too_many

CONDITIONS, DATA = 8, 10 << 10
INTERFACE_LENGTH, HARDWARE_LENGTH, ADDRESSES = 256, 128, 16

Device = tuple[str, str, str]
# Go shows nothing of a device's names: the fields of UniqueString are its own.
_SHOWN = Shown('{"Driver":{},"Pool":{},"Device":{},"ShareID":{}}')


def _device(one: Object) -> Device:
    return one.get("driver", ""), one.get("pool", ""), one.get("device", "")


def _shared(one: Object) -> tuple[Any, ...]:
    return (*_device(one), one.get("shareID"))


def _allocated(status: Object) -> list[Object]:
    results: list[Object] = ((status.get("allocation") or {}).get("devices") or {}).get("results") or []
    return results


def drop_deallocated(status: Object, old: Object) -> None:
    """Nothing is kept of devices that have just been taken from the claim."""
    gone = {_device(one) for one in _allocated(old)} - {_device(one) for one in _allocated(status)}
    kept = [one for one in status.get("devices") or () if _device(one) not in gone]
    if kept:
        status["devices"] = kept
    else:
        status.pop("devices", None)


def devices_errors(status: Object, path: str) -> list[FieldError]:
    """Of what is said of devices."""
    allocated = {_shared(one) for one in _allocated(status)}

    def check(one: Object, where: str) -> list[FieldError]:
        return _status_errors(one, _shared(one) in allocated, where)

    return pieces.set_errors(status.get("devices") or [], -1, check, path, _shared, _SHOWN)


def _status_errors(one: Object, allocated: bool, path: str) -> list[FieldError]:
    driver, pool, device = _device(one)
    found = driver_name_errors(driver, f"{path}.driver")
    found += pieces.pool_name_errors(pool, f"{path}.pool")
    found += pieces.label_errors(device, f"{path}.device")
    if (share := one.get("shareID")) is not None:
        found += pieces.uid_errors(share, f"{path}.shareID")
    if not allocated:
        found.append(invalid(path, _SHOWN, "must be an allocated device in the claim"))
    conditions = one.get("conditions") or []
    if len(conditions) > CONDITIONS:
        found.append(too_many(f"{path}.conditions", len(conditions), CONDITIONS))
    found += conditions_errors(conditions, f"{path}.conditions")
    if one.get("data") is not None:
        found += pieces.raw_errors(one["data"], f"{path}.data", DATA)
    return found + _network_errors(one.get("networkData") or {}, f"{path}.networkData")


def _network_errors(network: Object, path: str) -> list[FieldError]:
    found = [
        too_long(f"{path}.{field}", most)
        for field, most in (("interfaceName", INTERFACE_LENGTH), ("hardwareAddress", HARDWARE_LENGTH))
        if names.size(network.get(field, "")) > most
    ]
    return found + pieces.set_errors(network.get("ips") or [], ADDRESSES, _interface_errors, f"{path}.ips")


def _interface_errors(text: str, path: str) -> list[FieldError]:
    """IsValidInterfaceAddress: an address with the length of its network."""
    parsed = ip.parse_range(text)
    if parsed is None:
        detail = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"
        return [invalid(path, text, detail)]
    canonical = f"{ip.show(parsed[0])}/{parsed[1]}"
    return [] if text == canonical else [invalid(path, text, f'must be in canonical form ("{canonical}")')]
