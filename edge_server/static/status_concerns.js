// What of the device's status its owner should look after, as sentences. Knows no element of the page.

import { clock, decimal, fileSize, say } from './texts.js';

const HOT_CELSIUS = 80; // from here on a Raspberry Pi slows down
const LITTLE_MEMORY = 0.07; // of all

export function concerns({ models, camera, board }) {
  return [...ofModels(models), ...ofCamera(camera), ...ofBoard(board)];
}

function* ofModels(models) {
  if (!models.some((model) => model.state === 'AVAILABLE')) yield say('concernNoModel');
  for (const { name, version, reason } of models) if (reason) yield say('concernModel', { model: name, version });
}

function* ofCamera(camera) {
  if (camera === null || camera.state === 'live') return;
  const since = camera.last_frame_at;
  yield since ? say('concernCamera', { time: clock(new Date(since)) }) : say('concernCameraNever');
}

function* ofBoard(board) {
  if (board === null) return;
  const hottest = Math.max(...Object.values(board.temperatures));
  if (hottest >= HOT_CELSIUS) yield say('concernHot', { celsius: celsius(hottest) });
  for (const { reason, now } of board.throttled) if (now) yield say('concernThrottled', { reason: reasonText(reason) });
  const { memory_total_bytes: total, memory_available_bytes: free } = board;
  if (total && free / total < LITTLE_MEMORY) yield say('concernMemory', { free: fileSize(free) });
}

export function celsius(value) {
  return `${decimal(value, 0)}\u00a0°C`;
}

/** Why a board slows down, in words. */
export function reasonText(reason) {
  return say(`reason_${reason}`);
}
