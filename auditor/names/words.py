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
    a access account accounts active address affinity agent allow alpha an and annotation annotations api apps args
    argument arguments as at audit auth authorization backup bak balancer banner base64 bash batch beta bind binding
    body bool boolean bucket builder by cache cert certificate certificates certs cfg chart charts check claim
    claims class client cluster command common component conf conf2 config configmap configuration connect container
    containers content context contexts controller copy core count cpu create created cron crt csi csr csv current
    custom customer daemon data database date db debug default defaults delete demo dependencies deployment dev
    device directory disable disabled disk dns docker domain driver drivers email empty enable enabled endpoint
    endpoints engine entry env environment environments error event events example exec executor external extra
    failure feature field fields file files filter final folder for format from fs gateway gcfg generation git
    github global grace group groups gui gz handler hash header headers health helm history home hook hooks host
    hosted hostname hosts html http http2 https id ids ignored image images immutable in info ingress ini init
    initial input instance integration interface internal interval ip ipv4 ipv6 is item items its job jobs json
    jupyter key keys kind kube kubernetes label labels latest launcher ldap level library lic licence license
    licensed licenses limit limits list liveness load local location lock log logging login logs mail main managed
    manager map master max meta metadata metrics migrate migration min mine mode model module monitor mount mounts
    my name names namespace namespaces network new nfs no node nodes none not note notes nss null number oauth
    oauth2 object objects of off oidc old on one operator option options or order org os other our output own owner
    package packages page password patch path paths pem period permission persistent pg pm pod pods policy pool port
    ports posit postgres postgresql posts prefix priority private probe process prod production profile profiles
    program project projected protocol provider proxy pub public pull push pvc python quarto queue quota rate read
    readiness ready reason redis ref reference region registry release remote replica replicas repo repository
    request requests resource resources restart result retry role roles rollout root route rsc rserver rspm rstudio
    rule rules run runner runtime saml saml2 sample scale schedule scheduler schema scope script scripts secret
    secrets section security selector sender server servers service services session sessions set settings setup sh
    sha256 shared shell shiny show size smtp socket some source spec sql ssh ssl sso sssd staging standard start
    startup state static status stop storage store strategy string subject subsets suffix suspend svc sync sysctls
    system table tag tags tar target task team temp template templates terminating test text tgz that the their time
    timeout tls tmp to token toleration tolerations toml tools top topology trace tty txt type types uid unit update
    upgrade url urls use user user1 username users uuid valid validity value values vault version versions via view
    volume volumes wait watch web webhook with without worker workload workloads workspace write x509 xml yaml yml
    your yours zip zone
"""


@cache
def known() -> frozenset[str]:
    """In lower case: whole parts of keys, and their words."""
    keys = [key for chart in load().charts for key in chart.keys]
    parts = {part.lower() for key in keys for part in re.findall(r"[A-Za-z]+\d{0,2}", key)}
    pieces = {piece.lower() for key in keys for piece in PIECE.findall(key) if piece.isalpha()}
    return frozenset(parts | {piece for piece in pieces if len(piece) > 1} | set(_API.split()))
