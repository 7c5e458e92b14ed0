"""All published rules: https://docs.docker.com/reference/build-checks/."""

from sampan.builder.dockerfile.lint.linter import Rule

_DOCS = "https://docs.docker.com/go/dockerfile/rule/"

STAGE_NAME_CASING = Rule(
    name="StageNameCasing",
    description="Stage names should be lowercase",
    message="Stage name '{0}' should be lowercase",
    url=f"{_DOCS}stage-name-casing/",
)
FROM_AS_CASING = Rule(
    name="FromAsCasing",
    description="The 'as' keyword should match the case of the 'from' keyword",
    message="'{1}' and '{0}' keywords' casing do not match",  # from, as
    url=f"{_DOCS}from-as-casing/",
)
NO_EMPTY_CONTINUATION = Rule(
    name="NoEmptyContinuation",
    description="Empty continuation lines will become errors in a future release",
    message="Empty continuation line",
    url=f"{_DOCS}no-empty-continuation/",
)
CONSISTENT_INSTRUCTION_CASING = Rule(
    name="ConsistentInstructionCasing",
    description="All commands within the Dockerfile should use the same casing (either upper or lower)",
    message="Command '{0}' should match the case of the command majority ({1})",  # lowercase or uppercase
    url=f"{_DOCS}consistent-instruction-casing/",
)
DUPLICATE_STAGE_NAME = Rule(
    name="DuplicateStageName",
    description="Stage names should be unique",
    message="Duplicate stage name {0!q}, stage names should be unique",
    url=f"{_DOCS}duplicate-stage-name/",
)
RESERVED_STAGE_NAME = Rule(
    name="ReservedStageName",
    description="Reserved words should not be used as stage names",
    message="Stage name should not use the same name as reserved stage {0!q}",
    url=f"{_DOCS}reserved-stage-name/",
)
JSON_ARGS_RECOMMENDED = Rule(
    name="JSONArgsRecommended",
    description="JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS "
    "signals",
    message="JSON arguments recommended for {0} to prevent unintended behavior related to OS signals",
    url=f"{_DOCS}json-args-recommended/",
)
MAINTAINER_DEPRECATED = Rule(
    name="MaintainerDeprecated",
    description="The MAINTAINER instruction is deprecated, use a label instead to define an image author",
    message="Maintainer instruction is deprecated in favor of using label",
    url=f"{_DOCS}maintainer-deprecated/",
)
UNDEFINED_ARG_IN_FROM = Rule(
    name="UndefinedArgInFrom",
    description="FROM command must use declared ARGs",
    message="FROM argument '{0}' is not declared",
    hint=" (did you mean {1}?)",
    url=f"{_DOCS}undefined-arg-in-from/",
)
WORKDIR_RELATIVE_PATH = Rule(
    name="WorkdirRelativePath",
    description="Relative workdir without an absolute workdir declared within the build can have unexpected "
    "results if the base image changes",
    message="Relative workdir {0!q} can have unexpected results if the base image changes",
    url=f"{_DOCS}workdir-relative-path/",
)
UNDEFINED_VAR = Rule(
    name="UndefinedVar",
    description="Variables should be defined before their use",
    message="Usage of undefined variable '${0}'",
    hint=" (did you mean ${1}?)",
    url=f"{_DOCS}undefined-var/",
)
MULTIPLE_INSTRUCTIONS_DISALLOWED = Rule(
    name="MultipleInstructionsDisallowed",
    description="Multiple instructions of the same type should not be used in the same stage",
    message="Multiple {0} instructions should not be used in the same stage because only the last one will "
    "be used",
    url=f"{_DOCS}multiple-instructions-disallowed/",
)
LEGACY_KEY_VALUE_FORMAT = Rule(
    name="LegacyKeyValueFormat",
    description="Legacy key/value format with whitespace separator should not be used",
    message='"{0} key=value" should be used instead of legacy "{0} key value" format',
    url=f"{_DOCS}legacy-key-value-format/",
)
INVALID_BASE_IMAGE_PLATFORM = Rule(
    name="InvalidBaseImagePlatform",
    description="Base image platform does not match expected target platform",
    # image, expected, actual
    message="Base image {0} was pulled with platform {2!q}, expected {1!q} for current build",
)
REDUNDANT_TARGET_PLATFORM = Rule(
    name="RedundantTargetPlatform",
    description="Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default "
    "behavior",
    message="Setting platform to predefined {0} in FROM is redundant as this is the default behavior",
    url=f"{_DOCS}redundant-target-platform/",
)
SECRETS_USED_IN_ARG_OR_ENV = Rule(
    name="SecretsUsedInArgOrEnv",
    description="Sensitive data should not be used in the ARG or ENV commands",
    message="Do not use ARG or ENV instructions for sensitive data ({0} {1!q})",  # ARG or ENV, name
    url=f"{_DOCS}secrets-used-in-arg-or-env/",
)
INVALID_DEFAULT_ARG_IN_FROM = Rule(
    name="InvalidDefaultArgInFrom",
    description="Default value for global ARG results in an empty or invalid base image name",
    message="Default value for ARG {0} results in empty or invalid base image name",
    url=f"{_DOCS}invalid-default-arg-in-from/",
)
FROM_PLATFORM_FLAG_CONST_DISALLOWED = Rule(
    name="FromPlatformFlagConstDisallowed",
    description="FROM --platform flag should not use a constant value",
    message="FROM --platform flag should not use constant value {0!q}",
    url=f"{_DOCS}from-platform-flag-const-disallowed/",
)
COPY_IGNORED_FILE = Rule(
    name="CopyIgnoredFile",
    description="Attempting to Copy file that is excluded by .dockerignore",
    message="Attempting to {0} file {1!q} that is excluded by .dockerignore",  # Copy or Add
    url=f"{_DOCS}copy-ignored-file/",
)
INVALID_DEFINITION_DESCRIPTION = Rule(
    name="InvalidDefinitionDescription",
    description="Comment for build stage or argument should follow the format: `# <arg/stage name> "
    "<description>`. If this is not intended to be a description comment, add an empty line or comment "
    "between the instruction and the comment.",
    message="Comment for {0} should follow the format: `# {1} <description>`",  # FROM or ARG
    url=f"{_DOCS}invalid-definition-description/",
    experimental=True,
)
EXPOSE_PROTO_CASING = Rule(
    name="ExposeProtoCasing",
    description="Protocol in EXPOSE instruction should be lowercase",
    message="Defined protocol '{0}' in EXPOSE instruction should be lowercase",
    url=f"{_DOCS}expose-proto-casing/",
)
EXPOSE_INVALID_FORMAT = Rule(
    name="ExposeInvalidFormat",
    description="IP address and host-port mapping should not be used in EXPOSE instruction. This will become "
    "an error in a future release",
    message="EXPOSE instruction should not define an IP address or host-port mapping, found '{0}'",
    url=f"{_DOCS}expose-invalid-format/",
)

RULES = tuple(rule for rule in list(globals().values()) if isinstance(rule, Rule))
