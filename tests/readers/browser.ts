// A headless Chromium, driven through its DevTools protocol.

type Params = Record<string, unknown>;

/** A page that was loaded from a file. */
export interface Page {
  /** The value of an expression in the page; promises are awaited. */
  evaluate<T>(expression: string): Promise<T>;
  mouse(type: "mouseMoved" | "mousePressed" | "mouseReleased", x: number, y: number): Promise<void>;
  wheel(x: number, y: number, deltaY: number): Promise<void>;
  /** PNG. */
  screenshot(): Promise<Uint8Array>;
  /** Every URL that the page requested. */
  requests: string[];
  /** Every error and console message. */
  errors: string[];
}

/** Opens text as a page of 1280 × 800 pixels in a new browser, and closes it after the work. */
export async function inBrowser(text: string, work: (page: Page) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "routes-browser-" });
  await Deno.writeTextFile(`${dir}/page.html`, text);
  const browser = new Deno.Command("chromium", {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
      ...["--no-first-run", "--disable-background-networking", "--disable-breakpad"],
      ...["--remote-debugging-port=0", `--user-data-dir=${dir}/profile`, "--window-size=1280,800"],
    ],
    stderr: "piped",
    stdout: "null",
  }).spawn();
  try {
    const socket = await open(await addressIn(browser.stderr));
    try {
      await drive(socket, `file://${dir}/page.html`, work);
    } finally {
      socket.send(JSON.stringify({ id: 0, method: "Browser.close" }));
      await browser.status;
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Reads the address from the stderr of the browser; later output is discarded. */
async function addressIn(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const [, address] = /listening on (ws:\S+)\s/.exec(text) ?? [];
    if (address) return address;
  }
  throw new Error(`chromium does not listen: ${text}`);
}

function open(address: string): Promise<WebSocket> {
  const socket = new WebSocket(address);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error(`cannot reach chromium on ${address}`));
  });
}

async function drive(
  socket: WebSocket,
  url: string,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const waiting = new Map<number, PromiseWithResolvers<Params>>();
  const loaded = Promise.withResolvers<void>();
  const [requests, errors]: [string[], string[]] = [[], []];
  let count = 0;
  const session: { sessionId?: string } = {};

  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(data);
    if (id === 0) return;
    if (id !== undefined) {
      if (error) waiting.get(id)!.reject(new Error(error.message));
      else waiting.get(id)!.resolve(result);
    } else if (method === "Network.requestWillBeSent") requests.push(params.request.url);
    else if (method === "Runtime.exceptionThrown") {
      errors.push(params.exceptionDetails.exception?.description);
    } else if (method === "Log.entryAdded") errors.push(params.entry.text);
    else if (method === "Page.loadEventFired") loaded.resolve();
  };

  // deno-lint-ignore no-explicit-any
  function call(method: string, params: Params = {}): Promise<any> {
    const answer = Promise.withResolvers<Params>();
    waiting.set(++count, answer);
    socket.send(JSON.stringify({ id: count, method, params, ...session }));
    return answer.promise;
  }

  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  session.sessionId = sessionId;
  for (const domain of ["Page", "Network", "Runtime", "Log"]) await call(`${domain}.enable`);
  await call("Emulation.setDeviceMetricsOverride", {
    ...{ width: 1280, height: 800, deviceScaleFactor: 1, mobile: false },
  });
  await call("Page.navigate", { url });
  await loaded.promise;
  await work({
    requests,
    errors,
    evaluate: async (expression) => {
      const { result, exceptionDetails } = await call("Runtime.evaluate", {
        ...{ expression, awaitPromise: true, returnByValue: true },
      });
      if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
      return result.value;
    },
    mouse: (type, x, y) => {
      const button = type === "mouseMoved" ? "none" : "left";
      return call("Input.dispatchMouseEvent", { type, x, y, button, clickCount: 1 });
    },
    wheel: (x, y, deltaY) =>
      call("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY }),
    screenshot: async () => {
      const { data } = await call("Page.captureScreenshot", { format: "png" });
      return Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    },
  });
}
