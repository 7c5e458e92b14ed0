"""The registry: an OCI Distribution Specification 1.1 server, a program of its own.

    api/   the HTTP endpoints: translate requests and answers, decide nothing
    auth/  who is asking, and what they may do
    registry.py joins the parts below: uploads, blobs, manifests, listings, collection

Several worker processes serve one root: what is true is in the database (schema.py), never in a process.
"""
