export const en = {
  videos: 'Videos',
  title: 'Live now',
  emptyTitle: 'Nobody is live right now',
  emptyText: 'Shows appear here the moment they begin. Keep the page open.',
  goLive: 'Go live yourself',
  since: 'since {time}',
  interrupted: 'Back in a moment',
} as const;
