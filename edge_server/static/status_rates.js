// What happens a second, from two readings of counters. Knows no element of the page.

const WINDOW_MS = 30_000;

export class Rates {
  #readings = [];

  /** Takes a reading; answers a second over the last half minute, null after the first reading. */
  next(status) {
    const answers = status.models.reduce((sum, model) => sum + model.images, 0);
    const reading = { at: Date.parse(status.time), answers, started: status.server.started_at };
    // Counters begin anew with a server, and where a model is gone.
    if (this.#readings.some((old) => old.started !== reading.started || old.answers > answers)) this.#readings = [];
    this.#readings.push(reading);
    while (this.#readings.length > 2 && reading.at - this.#readings[0].at > WINDOW_MS) this.#readings.shift();
    const [first] = this.#readings;
    return reading.at > first.at ? ((answers - first.answers) * 1_000) / (reading.at - first.at) : null;
  }
}
