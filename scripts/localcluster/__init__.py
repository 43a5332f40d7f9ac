"""A real Kubernetes on one Linux machine without Docker, behind the calls of `kind`.

Each cluster lives in its own network, process and mount namespaces: its interfaces, packet
filter rules, mounts and processes exist nowhere else, none of them can reach beyond the machine,
and all of them end with one process. A second node can be added, and lost.
"""
