"""The words that are no secret wherever they stand in a name: those of the charts' own keys (by the catalog), of the
fields of the kinds that the charts render (https://kubernetes.io/docs/reference/kubernetes-api/), and of what people
call licenses, volumes and settings."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from auditor.catalog import load

PIECE: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
"""A word of a name as it is written together: `secretKey` has two, `HTTPServer` too."""

_API: Final = """
    a access account accounts action active add address addresses affinity agent all allocatable allocate allocated
    allow allowed alpha already an and annotation annotations anti api app applied apps args argument arguments
    armor as at attributes audience audit auth authorization automount available aws azure backend backoff backup
    bak balancer banner base64 bash basic batch beta binary bind binding block body bool boolean bucket builder
    bundle by cache caching capabilities capacity ceph cephfs cert certificate certificates certs cfg chain chap
    chart charts check checksum cinder claim claims class client cluster co code codes collision com command common
    completed completion completions component condition conditions conf conf2 config configmap configuration
    conflict connect constraints container containers content context contexts controller copy core count cpu create
    created creation credential cron crt csi csr csv current custom customer daemon data database dataset date db
    deadline debug default defaults delete deletion demo dependencies deployment desired dev device devices
    directory disable disabled disk disrupted disruptions distribution divisor dns docker domain domains downward
    driver drivers drop duplicate during ebs effect efs elastic email empty enable enabled endpoint endpoints engine
    entity entry env environment environments ephemeral error escalation event events eviction example exceeded exec
    execution executor exists exit expected expiration expr expressions extended external extra failed failure
    families family fc feature field fields file files filesystem filter final finalizers flex flocker folder for
    forbidden format found fqdn from fs gang gates gateway gce gcfg generate generated generation gid git github
    global glusterfs gmsa grace group groups grpc gui gz handler hash header headers health healthy helm history
    home hook hooks host hosted hostname hostnames hosts html http http2 https id ids ignored image images immutable
    in index indexes info ingress ini init initial initiator input instance integration interface internal interval
    invalid io ip ipc ipv4 ipv6 iqn is iscsi item items its job jobs json jupyter key keyring keys kind kube kubectl
    kubernetes label labels large last latest launcher ldap level library lic licence license licensed licenses
    limit limits link linux list liveness load local localhost location lock log logging login logs long ls lun mail
    main managed manager manual many map mappings master match max medium memory message meta metadata metrics
    migrate migration min mine mismatch mode model modify module monitor monitors mount mounts my name names
    nameservers namespace namespaces net network new nfs no node nodes nominated none not note notes ns nss null
    number oauth oauth2 object objects observed of off oidc old on once one only operation operator option optional
    options or order org os other our output overhead own owner package packages page parallelism partition password
    patch path paths paused pd pem per period permission persistent pg phase photon pid pm pod pods policy pool port
    portal portals ports portworx posit post postgres postgresql posts pre preemption preference preferred prefix
    priority private privileged probe proc process prod production profile profiles program progress project
    projected prometheus propagation protection protocol provider proxy ps pub public publish pull push pvc python
    qos quantity quarto queue quobyte quota ranges rate rbd read readiness ready reason recursive redis ref
    reference references region registry release remote replacement replica replicas repo repository request
    requests required requiredduringscheduling resize resource resources responders restart restarted result retry
    revision role roles rollout root route rsc rserver rspm rstudio rule rules run runner running runtime saml saml2
    sample scale schedule scheduler scheduling schema scheme scope scrape script scripts sctp se searches seccomp
    secret secrets section security selector self sender server servers service services session sessions set
    settings setup sh sha256 share shared shell shiny show signal signer single size skew sleep smtp socket some
    source sources spec spread sql ssh ssl sso sssd staging standard start started startup state static status
    statuses stdin stop storage storageos store strategy string sub subdomain subject subjects subresource subsets
    succeeded suffix supported suspend svc sync sysctls system table tag tags taints tar target task tcp team temp
    template templates tenant term terminated terminating terms test text tgz that the their time timeout timestamp
    tls tmp to token toleration tolerations toml too tools top topology trace traffic transition trust tty txt type
    types udp uid unavailable uncounted unhealthy unit unknown unsatisfiable update updated upgrade ur uri url urls
    use user user1 username users uuid valid validity value values vault verbs version versions via view volume
    volumes vsphere wait waiting watch web webhook weight when windows with without worker working workload
    workloads workspace write ww wwids x509 xml yaml yml your yours zip zone
"""


@cache
def known() -> frozenset[str]:
    """In lower case: whole parts of keys, and their words."""
    keys = [key for chart in load().charts for key in chart.keys]
    parts = {part.lower() for key in keys for part in re.findall(r"[A-Za-z]+\d{0,2}", key)}
    pieces = {piece.lower() for key in keys for piece in PIECE.findall(key) if piece.isalpha()}
    return frozenset(parts | {piece for piece in pieces if len(piece) > 1} | set(_API.split()))
