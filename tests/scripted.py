"""A scripted server that speaks the OpenAI protocol, streamed and whole; what it says is up to the test."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers with what ``reply`` makes of the prompt.

    A text is a reply; None is an error of the server; a number is its status; bytes are sent as they
    are; an iterator is sent piece by piece, where a float is a pause in seconds and None breaks off.
    """

    def __init__(self):
        self.prompts = []
        self.reply = lambda prompt: "[]"
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"script": self}))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self):
        self._http.shutdown()
        self._http.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Server

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        self.script.prompts.append(prompt)
        said = self.script.reply(prompt)
        if said is None or isinstance(said, int):
            error = {"error": {"message": "out of order", "type": "server_error"}}
            self.whole(said or 500, json.dumps(error).encode())
        elif isinstance(said, bytes):
            self.whole(200, said)
        elif body.get("stream"):
            self.streamed(said, body["model"])
        else:
            self.whole(200, json.dumps(completion(said, body["model"])).encode())

    def whole(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def streamed(self, said, model):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        pieces = [said[i : i + 40] for i in range(0, len(said), 40)] if isinstance(said, str) else said
        try:
            for piece in pieces:
                if piece is None:
                    return
                if isinstance(piece, float):
                    time.sleep(piece)
                else:
                    self.event(json.dumps(chunk(piece, model)))
            self.event("[DONE]")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has had enough

    def event(self, text):
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *arguments):
        pass


def completion(said, model):
    message = {"role": "assistant", "content": said}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def chunk(said, model):
    choice = {"index": 0, "delta": {"role": "assistant", "content": said}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
