"""The resources that the operator reads and writes, and their addresses in the API."""

from dataclasses import dataclass
from urllib.parse import quote

from modelcycle.api import GROUP, VERSION


@dataclass(frozen=True)
class Resource:
    """group is "" for the core API. owner_label: the label that names the resource a child belongs to."""

    kind: str
    group: str
    version: str
    plural: str
    owner_label: str = ""

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(("namespaces", quote(namespace)) if namespace else ()), self.plural]
        return "/".join([*parts, *((quote(name),) if name else ()), *((subresource,) if subresource else ())])


TRAINING_RUNS = Resource("TrainingRun", GROUP, VERSION, "trainingruns")
TRAINING_SWEEPS = Resource("TrainingSweep", GROUP, VERSION, "trainingsweeps")
TRAINING_SCHEDULES = Resource("TrainingSchedule", GROUP, VERSION, "trainingschedules")
MODEL_DEPLOYMENTS = Resource("ModelDeployment", GROUP, VERSION, "modeldeployments")
JOBS = Resource("Job", "batch", "v1", "jobs", f"{GROUP}/trainingrun")
DEPLOYMENTS = Resource("Deployment", "apps", "v1", "deployments", f"{GROUP}/modeldeployment")
SERVICES = Resource("Service", "", "v1", "services", f"{GROUP}/modeldeployment")
ENDPOINT_SLICES = Resource(
    "EndpointSlice", "discovery.k8s.io", "v1", "endpointslices", f"{GROUP}/modeldeployment"
)
AUTOSCALERS = Resource(
    "HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers", f"{GROUP}/modeldeployment"
)
DISRUPTION_BUDGETS = Resource(
    "PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", f"{GROUP}/modeldeployment"
)
INGRESSES = Resource("Ingress", "networking.k8s.io", "v1", "ingresses", f"{GROUP}/modeldeployment")
HTTP_ROUTES = Resource(
    "HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes", f"{GROUP}/modeldeployment"
)
PODS = Resource("Pod", "", "v1", "pods")
CLAIMS = Resource("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims")
CONFIG_MAPS = Resource("ConfigMap", "", "v1", "configmaps")
EVENTS = Resource("Event", "events.k8s.io", "v1", "events")
NAMESPACES = Resource("Namespace", "", "v1", "namespaces")
LEASES = Resource("Lease", "coordination.k8s.io", "v1", "leases")

# What is owned comes before its owner: it is listed first.
OWN = (TRAINING_RUNS, TRAINING_SCHEDULES, TRAINING_SWEEPS, MODEL_DEPLOYMENTS)
ACCESSORIES = (AUTOSCALERS, DISRUPTION_BUDGETS, INGRESSES, HTTP_ROUTES)
CHILDREN = (JOBS, DEPLOYMENTS, SERVICES, ENDPOINT_SLICES, PODS, *ACCESSORIES)
# The children that the operator makes itself.
MADE = (JOBS, DEPLOYMENTS, SERVICES, *ACCESSORIES, TRAINING_RUNS)
WATCHED = (*OWN, *CHILDREN)
# A cluster may lack these.
OPTIONAL = (HTTP_ROUTES,)
BY_KIND = {resource.kind: resource for resource in WATCHED}
