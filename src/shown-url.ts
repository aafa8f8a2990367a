// A URL as messages and logs show it: without user name, password, and anything that may be a signature.

export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1").replace(/[?#].*$/s, "");
}
