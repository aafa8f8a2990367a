// Formats a URL for messages and logs, without the user name, the password, and anything that can be a signature.

export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1").replace(/[?#].*$/s, "");
}
