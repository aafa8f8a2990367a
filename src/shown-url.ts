// Shows a URL in messages and logs without its user name, password, and anything that can be a signature.

export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1").replace(/[?#].*$/s, "");
}
