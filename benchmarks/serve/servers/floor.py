"""The floor: uvicorn, starlette and the bare predict; no validation, no metrics, no probes."""

import pickle
import sys
from pathlib import Path

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

model = pickle.loads(Path(sys.argv[1]).read_bytes())


async def invocations(request: Request) -> JSONResponse:
    payload = await request.json()
    rows = np.array(payload["dataframe_split"]["data"])
    return JSONResponse({"predictions": model.predict(rows).tolist()})


app = Starlette(routes=[Route("/invocations", invocations, methods=["POST"])])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
