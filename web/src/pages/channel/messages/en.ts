export const en = {
  liveNow: 'Live now',
  watch: 'Watch the show',
  products: 'Products',
  emptyTitle: 'Nothing on the shelf yet',
  emptyText: 'Come back later, or see who is live.',
  byShop: 'by {shop}',
  notLive: 'Not live at the moment',
  notLiveText: 'Keep the page open: it goes to the show as soon as one begins.',
  toChannel: 'To the shop',
} as const;
