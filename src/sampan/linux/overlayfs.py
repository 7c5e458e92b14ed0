"""What overlayfs keeps in the directories it stacks. Documentation/filesystems/overlayfs.rst"""

import os
import stat

# On a directory, "y": nothing of what lies below it is seen.
OPAQUE_XATTR = b"trusted.overlay.opaque"
# What overlayfs itself writes; from a tar it could redirect or hide other layers' files.
RESERVED_XATTRS = (b"trusted.overlay.", b"user.overlay.")


def is_whiteout(mode: int, rdev: int) -> bool:
    """Whether a file hides the name that it has in the layers below."""
    return stat.S_ISCHR(mode) and rdev == 0


def is_opaque(directory: bytes | str) -> bool:
    """False as well for what cannot be read."""
    try:
        return os.getxattr(directory, OPAQUE_XATTR, follow_symlinks=False) == b"y"
    except OSError:
        return False
