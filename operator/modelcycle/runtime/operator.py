"""The operator's parts, put together and run."""

import asyncio
import logging

import kopf

from modelcycle.defaults import Defaults
from modelcycle.runtime import asking, cluster, handlers, health, installed, relist
from modelcycle.runtime.context import Context
from modelcycle.runtime.echo import Echo
from modelcycle.runtime.errands import Errands, in_background
from modelcycle.runtime.lease import Lease
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.nudges import Nudges
from modelcycle.runtime.orphan_sweep import OrphanSweep
from modelcycle.runtime.queue import Queue
from modelcycle.runtime.reconcile import reconcile
from modelcycle.runtime.registry_watch import RegistryWatch
from modelcycle.runtime.resources import NAMESPACES, OWN
from modelcycle.runtime.serving_pods import ServingPods
from modelcycle.runtime.serving_tags import ServingTags
from modelcycle.runtime.store import Store
from modelcycle.settings import Settings

logger = logging.getLogger(__name__)


async def run(
    settings: Settings, stop: asyncio.Event | None = None, ready: asyncio.Event | None = None
) -> None:
    """Runs until it is told to stop, by a signal or the event given, or until a part of it ends.

    Raises:
        ExceptionGroup: a part ended with an error; the process is to be started again.
    """
    api = await cluster.connect()
    mlflow = Mlflow(settings.tracking_uri)
    try:
        await _run(settings, api, mlflow, stop or asyncio.Event(), ready or asyncio.Event())
    finally:
        await mlflow.close()
        await api.close()


async def _run(
    settings: Settings, api: cluster.Cluster, mlflow: Mlflow, stop: asyncio.Event, ready: asyncio.Event
) -> None:
    context, queue, nudges = await _put_together(settings, api, mlflow)
    runner = await health.serve(settings.port, context.echo, ready.is_set, nudges, context.lease.held)
    # Nothing is judged by half a picture: all is listed before the first pass.
    await relist.everything(context, settings.namespaces)
    parts = (
        queue.run(),
        context.registry.run(),
        context.lease.run(lambda: _wake_all(context)),
        relist.run(context, settings.namespaces),
        installed.wait_for(api, context.absent),
        OrphanSweep(context, settings.namespaces, settings.orphan_sweep_seconds).run(),
        ServingTags(context, settings.namespaces, settings.orphan_sweep_seconds).run(),
    )
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in parts]
            await kopf.operator(
                registry=handlers.registry(context),
                settings=handlers.settings(),
                clusterwide=not settings.namespaces,
                namespaces=settings.namespaces,
                standalone=True,
                stop_flag=stop,
                ready_flag=ready,
            )
            logger.info("stopping")
            for task in tasks:
                task.cancel()
    finally:
        await runner.cleanup()
        context.errands.close()
        await context.serving_pods.close()


async def _put_together(
    settings: Settings, api: cluster.Cluster, mlflow: Mlflow
) -> tuple[Context, Queue, Nudges]:
    queue = Queue(lambda key: reconcile(context, key), settings.workers)
    lease = Lease(api, settings.namespace, settings.lease_name, settings.pod_name)

    async def greet() -> bool:
        if lease.held():
            await nudges.ensure_webhook(mlflow)
        return lease.held()

    registry = RegistryWatch(mlflow, settings.mount_path, settings.poll_seconds, queue.wake, greet)
    nudges = Nudges(settings.webhook_url, settings.webhook_secret, registry.nudge)
    context = Context(
        cluster=api,
        store=Store(),
        mlflow=mlflow,
        registry=registry,
        serving_pods=ServingPods(),
        errands=Errands(
            lambda key, errand: asking.carry_out(context, key, errand), queue.wake, in_background
        ),
        lease=lease,
        echo=Echo(),
        defaults=await _defaults(settings, api),
        absent=await installed.absent(api),
        pod_name=settings.pod_name,
        wake=queue.wake,
    )
    return context, queue, nudges


def _wake_all(context: Context) -> None:
    context.serving_changed.set()
    for resource in OWN:
        for key in context.store.keys(resource):
            context.wake(key)


async def _defaults(settings: Settings, api: cluster.Cluster) -> Defaults:
    kube_system = await api.get(NAMESPACES, None, "kube-system")
    return Defaults(
        tracking_uri=settings.tracking_uri,
        ui_url=settings.ui_url or settings.tracking_uri,
        train_image=settings.train_image,
        serve_image=settings.serve_image,
        image_pull_policy=settings.image_pull_policy,
        claim_name=settings.claim_name,
        mount_path=settings.mount_path,
        registry_secret=settings.registry_secret,
        cluster=kube_system["metadata"]["uid"],
        serving_key=settings.webhook_secret,
    )
