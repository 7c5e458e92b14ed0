"""Every command: where it lives, what it is for, and its other names.

A command's module is imported only when the command is used; everything else needs just this table.
"""

from __future__ import annotations

# group -> command -> (module below sampan.cli, one line of help, other paths that mean the same)
GROUPS: dict[str, dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "builder": {
        "build": (
            "build.build",
            "Make an image of a Dockerfile",
            ("build", "image build"),
        ),
        "du": ("builder.du", "Show what the build cache holds", ()),
        "logs": ("builder.logs", "Show what a build has shown", ()),
        "ls": ("builder.ls", "List builds", ()),
        "prune": ("builder.prune", "Remove what is in the build cache", ()),
        "shell": (
            "build.shell",
            "Open a shell in the state that a step of a build has left",
            ("build shell",),
        ),
    },
    "container": {
        "attach": ("container.attach", "Connect this terminal to a running container", ("attach",)),
        "commit": ("container.commit", "Make an image of what a container changed", ("commit",)),
        "cp": ("container.cp", "Copy files between a container and this machine", ("cp",)),
        "create": ("container.create", "Create a container without starting it", ("create",)),
        "diff": ("container.diff", "Show which files a container changed", ("diff",)),
        "exec": ("container.exec", "Run a command in a running container", ("exec",)),
        "export": ("container.export", "Write a container's filesystem as a tar archive", ("export",)),
        "inspect": ("container.inspect", "Show everything about one or more containers", ()),
        "kill": ("container.kill", "Kill one or more running containers", ("kill",)),
        "logs": ("container.logs", "Show what a container has printed", ("logs",)),
        "ls": ("container.ls", "List containers", ("container list", "container ps", "ps")),
        "pause": ("container.pause", "Freeze all processes of one or more containers", ("pause",)),
        "port": ("container.port", "Show a container's published ports", ("port",)),
        "prune": ("container.prune", "Remove all stopped containers", ()),
        "rename": ("container.rename", "Give a container another name", ("rename",)),
        "restart": ("container.restart", "Stop and start one or more containers", ("restart",)),
        "rm": ("container.rm", "Remove one or more containers", ("container remove", "rm")),
        "run": ("container.run", "Create a container from an image and run it", ("run",)),
        "start": ("container.start", "Start one or more stopped containers", ("start",)),
        "stats": ("container.stats", "Watch what containers use of the machine", ("stats",)),
        "stop": ("container.stop", "Stop one or more running containers", ("stop",)),
        "top": ("container.top", "List the processes of a container", ("top",)),
        "unpause": ("container.unpause", "Thaw all processes of one or more containers", ("unpause",)),
        "update": ("container.update", "Change limits of one or more containers", ("update",)),
        "wait": ("container.wait", "Wait for containers to stop and print their exit codes", ("wait",)),
    },
    "context": {
        "create": ("context.create", "Create a context", ()),
        "export": ("context.export", "Write a context to a tar archive", ()),
        "import": ("context.import_", "Make a context of an exported one", ()),
        "inspect": ("context.inspect", "Show everything about one or more contexts", ()),
        "ls": ("context.ls", "List contexts", ("context list",)),
        "rm": ("context.rm", "Remove one or more contexts", ("context remove",)),
        "show": ("context.show", "Print the name of the context in use", ()),
        "update": ("context.update", "Change a context", ()),
        "use": ("context.use", "Choose the context to use from now on", ()),
    },
    "image": {
        "bootstrap": ("image.bootstrap", "Build a base image from a distribution's package archive", ()),
        "history": ("image.history", "Show how an image was made", ("history",)),
        "import": ("image.import_", "Make an image of a filesystem tarball", ("import",)),
        "inspect": ("image.inspect", "Show everything about one or more images", ()),
        "load": ("image.load", "Load images from a tar archive or from stdin", ("load",)),
        "ls": ("image.ls", "List images", ("image list", "images")),
        "prune": ("image.prune", "Remove unused images", ()),
        "pull": ("image.pull", "Download an image from a registry", ("pull",)),
        "push": ("image.push", "Upload an image to a registry", ("push",)),
        "rm": ("image.rm", "Remove one or more images", ("image remove", "rmi")),
        "save": ("image.save", "Write images to a tar archive (to stdout by default)", ("save",)),
        "tag": ("image.tag", "Give an image another name", ("tag",)),
    },
    "kube": {
        "down": ("kube.down", "Stop the cluster; its objects stay", ()),
        "kubeconfig": ("kube.kubeconfig", "Print the configuration for kubectl and helm", ()),
        "reset": ("kube.reset", "Remove the cluster and all its objects", ()),
        "rotate-keys": ("kube.rotatekeys", "Make a new key, of encryption at rest or of tokens", ()),
        "simulate": ("kube.simulate", "Say what a cluster would do with objects, changing nothing", ()),
        "snapshot": ("kube.snapshot", "Save the cluster's objects to a file, or restore them", ()),
        "status": ("kube.status", "Show whether a cluster runs, and where", ()),
        "up": ("kube.up", "Start a Kubernetes cluster", ()),
    },
    "manifest": {
        "annotate": ("manifest.annotate", "State the platform of an image of a manifest list", ()),
        "create": ("manifest.create", "Begin a manifest list on this machine", ()),
        "inspect": ("manifest.inspect", "Show an image's manifest, or manifest list, in its registry", ()),
        "push": ("manifest.push", "Upload a manifest list", ()),
        "rm": ("manifest.rm", "Forget manifest lists of this machine", ()),
    },
    "network": {
        "connect": ("network.connect", "Connect a container to a network", ()),
        "create": ("network.create", "Create a network", ()),
        "disconnect": ("network.disconnect", "Disconnect a container from a network", ()),
        "inspect": ("network.inspect", "Show everything about one or more networks", ()),
        "ls": ("network.ls", "List networks", ("network list",)),
        "prune": ("network.prune", "Remove all unused networks", ()),
        "rm": ("network.rm", "Remove one or more networks", ("network remove",)),
    },
    "registry": {
        "serve": ("registry.serve", "Run a registry", ()),
    },
    "system": {
        "df": ("system.df", "Show how much disk is in use", ()),
        "dial-stdio": ("system.dial_stdio", "Connect stdin and stdout to the engine", ()),
        "events": ("system.events", "Watch what happens in the engine", ("events",)),
        "info": ("system.info", "Show the state of the whole engine", ("info",)),
        "prune": ("system.prune", "Remove unused data", ()),
        "service": ("system.service", "Install the engine as a systemd service", ()),
        "stop": ("system.stop", "Stop the engine", ()),
    },
    "volume": {
        "create": ("volume.create", "Create a volume", ()),
        "inspect": ("volume.inspect", "Show everything about one or more volumes", ()),
        "ls": ("volume.ls", "List volumes", ("volume list",)),
        "prune": ("volume.prune", "Remove unused local volumes", ()),
        "rm": ("volume.rm", "Remove one or more volumes", ("volume remove",)),
        "update": ("volume.update", "Change a volume (cluster volumes only)", ()),
    },
}

# Commands that belong to no group.
TOP: dict[str, tuple[str, str]] = {
    "explain": ("kube.explain", "Say why an object of a Kubernetes cluster does not get on"),
    "inspect": ("system.inspect", "Show everything about objects of any kind"),
    "login": ("login", "Log in to a registry"),
    "logout": ("logout", "Log out from a registry"),
    "search": ("search", "Search a registry for images, or list an image's tags"),
    "version": ("system.version", "Show the versions of client and engine"),
}

GROUP_HELP = {
    "builder": "Manage builds and their cache",
    "container": "Manage containers",
    "context": "Manage contexts",
    "image": "Manage images",
    "kube": "Run a Kubernetes cluster",
    "manifest": "Manage image manifests and manifest lists",
    "network": "Manage networks",
    "registry": "Run a registry",
    "system": "Manage the engine",
    "volume": "Manage volumes",
}

# Commands found as a word after another command, if more words follow: `build shell ID` opens a shell,
# `build shell` builds what is in the directory "shell".
NESTED = ("build shell",)

COMMON = (
    "run",
    "exec",
    "ps",
    "build",
    "pull",
    "push",
    "images",
    "login",
    "logout",
    "search",
    "version",
    "info",
)


class Entry:
    """One command as found by its path."""

    __slots__ = ("aliases", "module", "short")

    def __init__(self, module: str, short: str, aliases: tuple[str, ...]) -> None:
        self.module = module
        self.short = short
        self.aliases = aliases


def find(path: str) -> Entry | None:
    """The command at `path` ("ps", "container ls", "image remove")."""
    if path in TOP:
        module, short = TOP[path]
        return Entry(module, short, ())
    group, _, name = path.partition(" ")
    if name and group in GROUPS and name in GROUPS[group]:
        return _entry(group, name)
    for other, commands in GROUPS.items():
        for command, (_, _, aliases) in commands.items():
            if path in aliases:
                return _entry(other, command)
    return None


def _entry(group: str, name: str) -> Entry:
    module, short, aliases = GROUPS[group][name]
    return Entry(module, short, (f"{group} {name}", *aliases) if aliases else ())


def top_level() -> list[tuple[str, str]]:
    """Commands reachable by one word, with their help."""
    found = [(name, short) for name, (_, short) in TOP.items()]
    for commands in GROUPS.values():
        for _, short, aliases in commands.values():
            found += [(alias, short) for alias in aliases if " " not in alias]
    return sorted(found)
