// Line drawings of 24 by 24.

import { svg } from './dom.js';

const PATHS = {
  points: 'M4 18c5 0 4-11 9-11M13 7h5m-2-2 2 2-2 2M4 18h.01M13 7h.01',
  grid: 'M3 6c6 3 12-3 18 0M3 12c6 3 12-3 18 0M3 18c6 3 12-3 18 0M6 4c2 5-2 11 0 16M12 4c2 5-2 11 0 16M18 4c2 5-2 11 0 16',
  region: 'M4 8V4h4M12 4h1M17 4h3v3M20 11v2M4 12v1M4 17v3h3M14 14l6 2-2.6 1.4L16 20z',
  size: 'M4 4h10v10H4zM14 20h6v-6M20 20l-5-5',
  layout: 'M4 4h16v16H4zM4 14c5-4 9 2 16-3M9 4v8',
  paste: 'M4 4h11v11H4zM9 15v5h11V9h-5M8 8h3M8 11h3',
  paint: 'M20 4c-5 1-9 5-11 9l2 2c4-2 8-6 9-11zM8 14c-3 0-4 2-4 6 4 0 6-1 6-4',
  samples: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  texture: 'M4 4h16v16H4zM4 9.3h16M4 14.6h16M9.3 4v16M14.6 4v16',
  animate: 'M4 5h16v14H4zM10 9l5 3-5 3z',
  enlarge: 'M4 14v6h6M4 20l6-6M20 10V4h-6M20 4l-6 6M9 9h6v6',
  undo: 'M9 7 4 12l5 5M4 12h10c4 0 6 2 6 6',
  redo: 'M15 7l5 5-5 5M20 12H10c-4 0-6 2-6 6',
  compare: 'M12 3v18M4 6h5v12H4zM15 6h5v12h-5',
  minus: 'M5 12h14',
  plus: 'M5 12h14M12 5v14',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  theme: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
  position: 'M12 3v4M12 17v4M3 12h4M17 12h4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  locked: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
  unlocked: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.8-1',
  close: 'M6 6l12 12M18 6 6 18',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01',
};

export const icon = (name) =>
  svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: PATHS[name] }));
