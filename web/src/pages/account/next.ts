/** safeNext lets only paths of our own through: what a link carries must not lead off the site. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/';
}
