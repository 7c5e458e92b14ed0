"""Volumes that a CSI driver has to attach to a node before pods there can use them: VolumeAttachments.

kube-controller-manager's persistentvolume-attach-detach-controller; no driver runs here.
"""
