"""`relext serve`: a page to try a pipeline on, and a JSON API."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import typer

from spacy_relext.cli.errors import reported_errors, tell, warn
from spacy_relext.cli.options import GPU_ID
from spacy_relext.extras import module

MEGABYTE = 2**20


def serve(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    host: str = typer.Option(
        "127.0.0.1", help="The address to listen on. Without the option, only this machine can ask; 0.0.0.0: any can."
    ),
    port: int = typer.Option(8000, "--port", "-p", min=0, max=65535, help="The port; 0: any that is free."),
    allow_host: list[str] = typer.Option([], metavar="NAME", help="A name by which the service is asked for, as in a proxy; '*': any."),
    threads: int = typer.Option(None, min=1, help="Threads of torch; as many as torch takes, if left out."),
    gpu_id: int = GPU_ID,
    batch_size: int = typer.Option(32, "--batch-size", "-b", min=1, help="The most documents of a batch."),
    max_documents: int = typer.Option(64, min=1, help="The most documents of a request."),
    max_characters: int = typer.Option(50_000, min=1, help="The most characters of a text."),
    max_pairs: int = typer.Option(10_000, min=1, help="The most candidate pairs of a document."),
    max_body: float = typer.Option(4, min=0.001, help="The most megabytes of a request."),
    max_waiting: int = typer.Option(256, min=1, help="The most documents that wait; more are told to come back."),
    timeout: float = typer.Option(60, min=0.1, help="Seconds until a request is answered."),
):
    """Serve a page to try a pipeline on, and a JSON API, on the loopback address until Ctrl-C.

    Needs the extra serve.
    """
    with reported_errors():
        serving, settings = module("spacy_relext.service.serving"), module("spacy_relext.service.settings")
        is_open = host not in settings.LOOPBACK
        named = () if settings.is_address(host) else (host,)
        limits = settings.Settings(
            hosts=(*settings.LOOPBACK, *named, *allow_host),
            any_address=is_open,
            max_body=int(max_body * MEGABYTE),
            max_documents=max_documents,
            max_characters=max_characters,
            max_pairs=max_pairs,
            max_waiting=max_waiting,
            timeout=timeout,
            batch_size=batch_size,
        )
        # Before the pipeline is loaded, which takes its time.
        listening = serving.listen(host, port)
        with listening:
            app = _app(model, limits, threads, gpu_id)
            if is_open:
                warn(
                    f"{host}: every machine that reaches this one can send texts, and read what the pipeline says of them, without a "
                    "password and unencrypted. Put a proxy with both before it where that is not meant. Names by which it is asked for are "
                    "given by --allow-host."
                )
            address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
            serving.serve(app, listening, lambda: tell(f"{app.title} is at {address} (its API: {address}/api). Ctrl-C ends it."))
        tell("The service has ended.")


def _app(model: str, limits, threads: int | None, gpu_id: int):
    import torch

    from spacy_relext.devices import use_gpu
    from spacy_relext.evaluation import load_pipeline

    if threads is not None:
        torch.set_num_threads(threads)
    use_gpu(gpu_id)
    # torch's threads belong to the thread that computes. Had this one ever computed, there would be more of them than cores, and libgomp
    # lets them sleep between any two products: the service computed a quarter slower.
    with ThreadPoolExecutor(1) as loading:
        nlp = loading.submit(copy_context().run, load_pipeline, model).result()
    return module("spacy_relext.service.app").make_app(nlp, limits)
