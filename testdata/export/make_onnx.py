"""Records what ONNX Runtime predicts with the graphs that Eyas exports.

    target/py/bin/pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
    target/py/bin/python testdata/export/make_onnx.py

The models NAME.eyas (imported ones), the graphs and the rows are written by a test of eyas-convert;
the graphs are then checked by onnx and run.
"""

import glob
import json
import os
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1


def inputs(session, columns, rows):
    feed = {}
    for known in session.get_inputs():
        cells = [row[columns.index(known.name)] for row in rows]
        if known.type == "tensor(string)":
            feed[known.name] = np.array(cells, dtype=object).reshape(-1, 1)
        else:
            numbers = [float(cell) if cell else np.nan for cell in cells]
            feed[known.name] = np.array(numbers, dtype=np.float32).reshape(-1, 1)
    return feed


def figures(path):
    rows = json.load(open(path.replace(".onnx", ".json")))
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, OPTIONS, providers=["CPUExecutionProvider"])
    outputs = session.run(None, inputs(session, rows["columns"], rows["rows"]))
    labels = list(outputs[0]) if len(outputs) == 2 else None
    predictions = [[float(value) for value in row] for row in outputs[-1]]
    return {"hash": rows["hash"], "labels": labels, "predictions": predictions}


with tempfile.TemporaryDirectory() as folder:
    command = "cargo test --quiet -p eyas-convert --test onnx_export graphs_and_rows"
    subprocess.run(command.split(), check=True, env=dict(os.environ, EYAS_EXPORTS=folder))
    found = {
        os.path.basename(path)[: -len(".onnx")]: figures(path)
        for path in sorted(glob.glob(f"{folder}/*.onnx"))
    }
with open(f"{HERE}/onnx.json", "w") as file:
    entries = ",\n".join(f'"{name}": {json.dumps(entry)}' for name, entry in found.items())
    file.write("{\n" + entries + "\n}\n")
