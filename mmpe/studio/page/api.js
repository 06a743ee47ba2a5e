// The server's face: requests, errors as one line, and what it tells by itself.

const PAGE = crypto.randomUUID?.() ?? String(Math.random()).slice(2);

/** What the server refused, or that it does not answer; `status` is 0 then. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function request(path, { method = 'GET', json, body, signal } = {}) {
  const headers = { 'X-Page': PAGE };
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: json === undefined ? body : JSON.stringify(json) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('The studio does not answer. Start it again with “mmpe studio”; nothing trained is lost.', 0);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new ApiError(told.error ?? `The studio answered ${answer.status} ${answer.statusText}.`, answer.status);
}

const json = async (path, options) => (await request(path, options)).json();
const post = (path, body = {}) => json(path, { method: 'POST', json: body });
const named = (id) => `/api/models/${encodeURIComponent(id)}`;

export const state = () => json('/api/state');
export const uploadPicture = (file, name) =>
  json(`/api/pictures?name=${encodeURIComponent(name)}`, { method: 'POST', body: file });
export const takeExample = (name) => post(`/api/examples/${encodeURIComponent(name)}`);
export const train = (settings) => post('/api/trainings', settings);
export const steer = (id, what) => post(`${named(id)}/${what}`);
export const uploadFile = (blob) => json('/api/files', { method: 'POST', body: blob });
export const select = (id, how) => post(`${named(id)}/select`, how);
export const keep = (id, operation) => post(`${named(id)}/keep`, operation);
export const starts = (id, operation) => post(`${named(id)}/starts`, operation);
export const recipe = (id, operation) => post(`${named(id)}/recipe`, operation);
export const audit = (id) => post(`${named(id)}/audit`);
export const openSession = (file) => json('/api/session/open', { method: 'POST', body: file });

export const auditMaps = (id) => json(`${named(id)}/audit.json`);
export const auditPage = (id) => `${named(id)}/audit.html`;
export const modelPicture = (model, name) => `${named(model.id)}/${name}?v=${model.version ?? 0}`;
export const filePicture = (name) => `/api/files/${encodeURIComponent(name)}`;
export const examplePicture = (name) => `/api/examples/${encodeURIComponent(name)}.png`;

/** A picture of the server, decoded. */
export async function picture(url) {
  const answer = await request(url);
  return createImageBitmap(await answer.blob());
}

/** One image of an operation, as a blob, what is to be said of it, and how well the rest was kept, in dB. */
export async function draw(id, operation, signal) {
  const answer = await request(`${named(id)}/draw`, { method: 'POST', json: operation, signal });
  const told = (name) => answer.headers.get(name) ?? '';
  return { blob: await answer.blob(), report: told('X-Report'), outside: told('X-PSNR-Outside') };
}

/** A file to keep: `{blob, name}`. */
export async function download(path, body) {
  const answer = await request(path, { method: 'POST', json: body });
  const name = /filename="?([^";]+)/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1];
  return { blob: await answer.blob(), name };
}

export const exportPicture = (id, operation) => download(`${named(id)}/export`, operation);
export const saveSession = (session) => download('/api/session/save', session);

/** Listen to the server; `handlers` by the event's name, and `lost` when it does not answer. */
export function listen(handlers, lost) {
  const source = new EventSource(`/api/events?page=${PAGE}`);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      if (event.data !== undefined) handler(JSON.parse(event.data));
    });
  }
  source.onerror = (event) => {
    if (event.data === undefined) lost();
  };
}
