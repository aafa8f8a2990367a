// A URL as messages and logs show it: without a name and a password, and without what may be a signature.

export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1").replace(/[?#].*$/s, "");
}
