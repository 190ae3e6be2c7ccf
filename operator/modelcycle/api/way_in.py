"""How clients reach a model, and who is answered."""

from typing import Annotated

from pydantic import Field

from modelcycle.api.kind import Rule
from modelcycle.api.meta import Model

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# DNS-1123 subdomains and labels, as Kubernetes has them.
Subdomain = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{_LABEL}$")]


class Gateway(Model):
    name: Subdomain = Field(description="Name of the Gateway.")
    namespace: Label | None = Field(
        None,
        description="Its namespace, where it is another one; its listener has to allow routes from there.",
    )
    section_name: Subdomain | None = Field(None, description="Its listener, where one of several is meant.")
    tls: bool = Field(
        False, description="Whether the listener speaks TLS: status.url then begins with https."
    )


class Route(Model):
    host: Subdomain = Field(description="Name by which clients outside of the cluster reach the model.")
    ingress_class_name: Subdomain | None = Field(
        None,
        description="Class of the Ingress that is made. Without it and gateway, the cluster's default class.",
    )
    gateway: Gateway | None = Field(
        None,
        description="Gateway of an HTTPRoute that is made instead of an Ingress; canaries' shares are exact by it.",
    )
    tls_secret_name: Subdomain | None = Field(
        None, description="Secret with the host's certificate and key, for an Ingress."
    )


ROUTE_RULES = (
    Rule(
        "!(has(self.ingressClassName) && has(self.gateway))",
        "name ingressClassName for an Ingress or gateway for an HTTPRoute, not both",
    ),
    # The default class is given to an Ingress when it is made, and never again.
    Rule(
        "!has(oldSelf.ingressClassName) || has(self.ingressClassName) || has(self.gateway)",
        "an Ingress keeps its class until another one is named: name it, or take route away and then set it anew",
        ".ingressClassName",
    ),
    Rule(
        "!(has(self.tlsSecretName) && has(self.gateway))",
        "the certificate of a Gateway is its listener's business: leave tlsSecretName out, and say gateway.tls: true",
        ".tlsSecretName",
    ),
    Rule(
        "!self.host.matches('^[0-9.]+$')", "a host is a DNS name, as in iris.example.org, no address", ".host"
    ),
)


class Auth(Model):
    secret_name: Subdomain = Field(
        description="Name of a Secret in this namespace whose key `token` holds one or more tokens, a line each. "
        "Clients send one as `Authorization: Bearer TOKEN`."
    )
