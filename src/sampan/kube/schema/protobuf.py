def encode_object(v):
    raise NotImplementedError


def decode_object(b):
    raise NotImplementedError


def encode_event(t, v):
    raise NotImplementedError
