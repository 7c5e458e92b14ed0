"""What the requester may do at a registry."""

from sampan.engine.builder.requester import Requester
from sampan.http.bearer import Credentials
from sampan.specs.oci.reference import Reference


async def credentials_for(requester: Requester, reference: Reference) -> Credentials:
    found = await requester.credentials(reference.domain)
    if found is None:
        return Credentials()
    return Credentials(
        username=found.username,
        password=found.password,
        identity_token=found.identity_token,
        registry_token=found.token,
        server=reference.domain,
    )
