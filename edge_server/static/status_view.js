// The device's status as elements of the page: four figures, and a list of facts for each part.
// Knows nothing of where it comes from.

import { celsius, reasonText } from './status_concerns.js';
import { clock, decimal, exactly, fileSize, say } from './texts.js';

/** The figures that are read first; answers: a second, null while not known. */
export function figures({ models, board, server }, answers) {
  const [model] = models.filter((each) => each.default);
  const median = model?.request_p50_ms ?? null;
  const temperatures = Object.values(board?.temperatures ?? {});
  return [
    figure('statusAnswers', answers === null ? '–' : decimal(answers, 1, 1)),
    figure('statusMedian', median === null ? '–' : milliseconds(median)),
    figure('statusTemperature', temperatures.length === 0 ? '–' : celsius(Math.max(...temperatures))),
    figure('statusUptime', duration(server.uptime_seconds)),
  ];
}

/** The content of each section, by its name. */
export function parts(status) {
  return {
    models: status.models.flatMap(ofModel),
    camera: status.camera ? [ofCamera(status.camera)] : [],
    board: [ofBoard(status.board)],
    server: [ofServer(status.server)],
    requests: [ofRequests(status.requests)],
    log: ofTroubles(status),
  };
}

function ofModel(model) {
  const heading = document.createElement('h3');
  const failed = model.reason !== null && model.state !== 'AVAILABLE';
  heading.append(`${model.name.replaceAll('_', '_\u200b')} · ${say('version', { version: model.version })}`, badge(
    say(failed ? 'stateFailed' : `state${model.state}`),
    failed ? 'bad' : model.state === 'AVAILABLE' ? 'good' : '',
  ));
  return [heading, facts([
    ['state', say('since', { time: clock(new Date(model.since)) })],
    ['trouble', model.reason],
    ['size', model.size_bytes && [model.recipe === 'unknown' ? null : model.recipe, fileSize(model.size_bytes)].filter(Boolean).join(' · ')],
    ['delegate', model.state === 'AVAILABLE' ? (model.delegate ?? say('noDelegate')) : null],
    ['statusRequests', say('answeredFailed', { answered: decimal(model.answered, 0), failed: decimal(model.failed, 0) })],
    ['statusMedian', model.invoke_p50_ms === null || model.request_p50_ms === null ? null : say('medianOf', {
      invoke: milliseconds(model.invoke_p50_ms),
      request: milliseconds(model.request_p50_ms),
    })],
  ])];
}

function ofCamera(camera) {
  return facts([
    ['state', badge(say(`camera_${camera.state}`), camera.state === 'live' ? 'good' : 'bad')],
    ['trouble', camera.error],
    ['source', camera.description],
    ['lastPicture', camera.last_frame_at && exactly(new Date(camera.last_frame_at))],
    ['rate', say('perSecond', { count: decimal(camera.fps, 1) })],
    ['size', camera.size && camera.size.join('\u00a0×\u00a0')],
    ['viewers', String(camera.viewers)],
    ['reconnections', String(camera.reconnections)],
  ]);
}

function ofBoard(board) {
  if (board === null) return facts([['state', say('unknown')]]);
  const slow = board.throttled
    .filter(({ now, earlier }) => now || earlier)
    .map(({ reason, now }) => say(now ? 'throttledNow' : 'throttledEarlier', { reason: reasonText(reason) }));
  const none = board.throttled.length > 0 ? say('throttledNever') : say('unknown');
  return facts([
    ['boardName', board.model],
    ['statusTemperature', Object.entries(board.temperatures).map(([zone, value]) => `${zone} ${celsius(value)}`).join(', ') || say('unknown')],
    ['throttling', slow.join(', ') || none],
    ['memory', board.memory_total_bytes && say('memoryFree', {
      free: fileSize(board.memory_available_bytes),
      total: fileSize(board.memory_total_bytes),
    })],
    ['load', board.load_1min === null ? null : say('loadOf', { load: decimal(board.load_1min, 1, 1), processors: board.processors })],
    ['statusUptime', board.uptime_seconds === null ? null : duration(board.uptime_seconds)],
  ]);
}

function ofServer(server) {
  return facts([
    ['softwareVersion', server.version],
    ['runtime', `${server.runtime.name} ${server.runtime.version}`],
    ['started', clock(new Date(server.started_at))],
    ['memory', server.memory_bytes && fileSize(server.memory_bytes)],
    ['kioskSeen', server.kiosk_seen_at ? exactly(new Date(server.kiosk_seen_at)) : say('kioskNever')],
  ]);
}

function ofRequests({ total, by_status: byStatus }) {
  return facts([
    ['requestsTotal', decimal(total, 0)],
    ...Object.entries(byStatus).map(([status, count]) => [say('requestsStatus', { status }), decimal(count, 0), true]),
  ]);
}

function ofTroubles({ troubles, troubles_total: total }) {
  if (troubles.length === 0) return [element('p', 'empty', say('statusLogEmpty'))];
  const list = document.createElement('ol');
  list.className = 'log';
  for (const trouble of troubles) {
    const item = document.createElement('li');
    const when = clock(new Date(trouble.last_at));
    item.className = trouble.level;
    item.append(
      element('span', 'log-when', trouble.times > 1 ? `${when} · ${say('times', { times: trouble.times })}` : when),
      element('span', 'log-what', trouble.message),
    );
    item.lastElementChild.lang = 'en';
    list.append(item);
  }
  return [list, element('p', 'empty', say('statusLogTotal', { shown: troubles.length, total }))];
}

/** rows: [key of a text, value, whether the key is a text already]; rows without a value are left out. */
function facts(rows) {
  const list = document.createElement('dl');
  list.className = 'facts';
  for (const [key, value, isText] of rows) {
    if (!value) continue;
    const row = document.createElement('div');
    const told = document.createElement('dd');
    told.append(value);
    row.append(element('dt', '', isText ? key : say(key)), told);
    list.append(row);
  }
  return list;
}

function figure(key, value) {
  const box = document.createElement('div');
  box.append(element('dt', '', say(key)), element('dd', '', value));
  return box;
}

function badge(text, kind) {
  return element('span', `badge ${kind}`, text);
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function milliseconds(value) {
  return `${decimal(value, value < 10 ? 1 : 0)}\u00a0ms`;
}

function duration(seconds) {
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3_600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return say('days', { days, hours });
  if (hours > 0) return say('hours', { hours, minutes });
  return say('minutes', { minutes, seconds: whole % 60 });
}
