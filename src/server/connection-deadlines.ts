// How long a connection may be silent, by what is going on. Before its first request the listener's own
// time-out holds. While a request is computed none does: a long prompt is silent for minutes. From the
// answer on, a write must get through every minute; comments in quiet streams see to that. It holds on
// until the next request.

/** What Bun's server gives to fetch beside the request. */
export interface Listener {
  /** @param seconds 0 = none */
  timeout(request: Request, seconds: number): void;
}

const WRITE_STALL_S = 60;

export async function withDeadlines(
  request: Request,
  listener: Listener | undefined,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<Response> {
  listener?.timeout(request, 0);
  const response = await answer(request);
  listener?.timeout(request, WRITE_STALL_S);
  return response;
}
