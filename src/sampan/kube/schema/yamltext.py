import yaml


def dump(v):
    return yaml.safe_dump(v, sort_keys=True).encode()
