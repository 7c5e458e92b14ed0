"""Docker's build checks that need to know the variables, or what a stage stands on. They record, they never fail."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sampan.engine.builder.dockerfile.expand import Expander
from sampan.engine.builder.dockerfile.instructions import Dockerfile, From, Instruction, Pair
from sampan.engine.builder.dockerfile.lint.linter import Linter
from sampan.engine.builder.dockerfile.lint import rules
from sampan.engine.builder.dockerfile.suggest import suggest
from sampan.engine.builder.errors import DockerfileError
from sampan.engine.builder.graph import Lines
from sampan.engine.builder.plan import platforms
from sampan.engine.builder.plan.arguments import NOT_IN_ENVIRONMENT, global_arguments
from sampan.engine.builder.plan.platforms import Platform
from sampan.errors import Invalid
from sampan.images import references
