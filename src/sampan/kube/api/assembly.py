"""What the API server is made of, put together."""

import time
from dataclasses import dataclass

from sampan.kube.access.certificates import Pki
from sampan.kube.api import health
from sampan.kube.api.bootstrap import Bootstrap
from sampan.kube.api.catalog import CacheReader, Catalog
from sampan.kube.api.connecting import Connections
from sampan.kube.api.handler import Handler
from sampan.kube.api.patching import Patcher
from sampan.kube.api.reading import Lister
from sampan.kube.api.roots import Roots
from sampan.kube.api.scales import Scales
from sampan.kube.api.settings import Settings
from sampan.kube.api.verbs import Special, Verbs
from sampan.kube.api.writing import Writer
from sampan.kube.store.cache import Cache
