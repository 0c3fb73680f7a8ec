// A headless Chromium, driven through its DevTools protocol.

type Params = Record<string, unknown>;

/** A page in a browser. */
export interface Page {
  /** The value of an expression in the page; promises are awaited. */
  evaluate<T>(expression: string): Promise<T>;
  mouse(type: "mouseMoved" | "mousePressed" | "mouseReleased", x: number, y: number): Promise<void>;
  wheel(x: number, y: number, deltaY: number): Promise<void>;
  /** Touches the screen for a moment. */
  tap(x: number, y: number): Promise<void>;
  /** PNG. */
  screenshot(): Promise<Uint8Array>;
  /** Every URL that the page requested. */
  requests: string[];
  /** Every error and console message. */
  errors: string[];
}

/** The window of a page; by default on the screen of a computer. */
export interface Window {
  width: number;
  height: number;
  deviceScaleFactor?: number;
  mobile?: boolean;
}

const WINDOW: Window = { width: 1280, height: 800 };
/** The screen of a phone. */
export const PHONE: Window = { width: 390, height: 844, deviceScaleFactor: 3, mobile: true };

/** Opens text as a page in a new browser, and closes it after the work. */
export async function inBrowser(
  text: string,
  work: (page: Page) => Promise<void>,
  window = WINDOW,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "routes-page-" });
  try {
    await Deno.writeTextFile(`${dir}/page.html`, text);
    await atUrl(`file://${dir}/page.html`, work, window);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The same for the page at a URL. */
export async function atUrl(
  url: string,
  work: (page: Page) => Promise<void>,
  window = WINDOW,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "routes-browser-" });
  const browser = new Deno.Command("chromium", {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
      ...["--no-first-run", "--disable-background-networking", "--disable-breakpad"],
      ...["--remote-debugging-port=0", `--user-data-dir=${dir}/profile`],
      `--window-size=${window.width},${window.height}`,
    ],
    stderr: "piped",
    stdout: "null",
  }).spawn();
  try {
    const socket = await open(await addressIn(browser.stderr));
    try {
      await drive(socket, url, work, { deviceScaleFactor: 1, mobile: false, ...window });
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
  screen: Required<Window>,
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
    else if (method === "Runtime.consoleAPICalled") errors.push(`console.${params.type}`);
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
  await call("Emulation.setDeviceMetricsOverride", screen);
  await call("Emulation.setTouchEmulationEnabled", { enabled: screen.mobile });
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
    tap: async (x, y) => {
      await call("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
      await call("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    },
    screenshot: async () => {
      const { data } = await call("Page.captureScreenshot", { format: "png" });
      return Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    },
  });
}
