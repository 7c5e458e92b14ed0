"""What the requester may do at a registry."""

from dataclasses import replace

from sampan.builder.requester import Requester
from sampan.http.bearer import Credentials
from sampan.specs.oci.reference import Reference


async def credentials_for(requester: Requester, reference: Reference) -> Credentials:
    found = await requester.credentials(reference.domain)
    if found is None:
        return Credentials()
    return replace(found, server=reference.domain)
