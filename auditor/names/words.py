"""The words that are no secret wherever they stand in a name: those of the charts' own keys (by the catalog), of the
API, and of what people call licenses, volumes and settings."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from auditor.catalog import load

PIECE: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
"""A word of a name as it is written together: `secretKey` has two, `HTTPServer` too."""

_API: Final = """
    a access account accounts active add address affinity agent allow alpha already an and annotation annotations
    api applied apps args argument arguments as at audit auth authorization available aws azure backup bak balancer
    banner base64 bash batch beta bind binding body bool boolean bucket builder by cache capabilities ceph cert
    certificate certificates certs cfg chart charts check checksum claim claims class client cluster co com command
    common component conditions conf conf2 config configmap configuration conflict connect constraints container
    containers content context contexts controller copy core count cpu create created creation cron crt csi csr csv
    current custom customer daemon data database date db debug default defaults delete deletion demo dependencies
    deployment dev device directory disable disabled disk dns docker domain downward driver drivers drop duplicate
    during ebs efs email empty enable enabled endpoint endpoints engine entity entry env environment environments
    ephemeral error escalation event events example exceeded exec execution executor exists expr expressions
    external extra failure feature field fields file files filesystem filter final finalizers flex folder for
    forbidden format found from fs gateway gce gcfg generated generation git github global grace group groups grpc
    gui gz handler hash header headers health helm history home hook hooks host hosted hostname hosts html http
    http2 https id ids ignored image images immutable in info ingress ini init initial input instance integration
    interface internal interval invalid io ip ipv4 ipv6 is iscsi item items its job jobs json jupyter key keys kind
    kube kubectl kubernetes label labels large last latest launcher ldap level library lic licence license licensed
    licenses limit limits list liveness load local location lock log logging login logs long mail main managed
    manager many map master match max memory meta metadata metrics migrate migration min mine mode model module
    monitor mount mounts my name names namespace namespaces net network new nfs no node nodes none not note notes
    nss null number oauth oauth2 object objects observed of off oidc old on one only operator option options or
    order org os other our output overhead own owner package packages page password patch path paths pem period
    permission persistent pg pm pod pods policy pool port ports portworx posit postgres postgresql posts preemption
    preference preferred prefix priority private privileged probe process prod production profile profiles program
    project projected prometheus propagation protocol provider proxy pub public pull push pvc python quarto queue
    quota rate rbd read readiness ready reason redis ref reference references region registry release remote replica
    replicas repo repository request requests required requiredduringscheduling resource resources restart restarted
    result retry revision role roles rollout root route rsc rserver rspm rstudio rule rules run runner runtime saml
    saml2 sample scale schedule scheduler scheduling schema scope scrape script scripts sctp seccomp secret secrets
    section security selector sender server servers service services session sessions set settings setup sh sha256
    shared shell shiny show size smtp socket some source spec spread sql ssh ssl sso sssd staging standard start
    startup state static status stop storage store strategy string sub subject subsets suffix supported suspend svc
    sync sysctls system table tag tags tar target task tcp team temp template templates terminating test text tgz
    that the their time timeout timestamp tls tmp to token toleration tolerations toml too tools top topology trace
    tty txt type types udp uid unavailable unit unknown update updated upgrade url urls use user user1 username
    users uuid valid validity value values vault version versions via view volume volumes wait watch web webhook
    weight with without worker workload workloads workspace write x509 xml yaml yml your yours zip zone
"""


@cache
def known() -> frozenset[str]:
    """In lower case: whole parts of keys, and their words."""
    keys = [key for chart in load().charts for key in chart.keys]
    parts = {part.lower() for key in keys for part in re.findall(r"[A-Za-z]+\d{0,2}", key)}
    pieces = {piece.lower() for key in keys for piece in PIECE.findall(key) if piece.isalpha()}
    return frozenset(parts | {piece for piece in pieces if len(piece) > 1} | set(_API.split()))
