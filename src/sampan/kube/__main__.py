"""`python -m sampan.kube`, which `sampan kube` becomes."""

from sampan.kube.cluster import main

if __name__ == "__main__":
    main()
