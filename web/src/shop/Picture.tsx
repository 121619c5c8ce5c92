import { useState } from 'preact/hooks';
import imageOff from 'lucide-static/icons/shopping-bag.svg?raw';
import { pictureURL } from '../api/client';
import { Icon } from '../ui/Icon';
import './price.css';

/** Picture is a product's picture at a fixed size, or a mark in its place. The title stands beside it. */
export function Picture({ picture, size }: { picture: string | undefined; size: number }) {
  const [broken, setBroken] = useState(false);
  const url = pictureURL(picture);
  if (!url || broken) {
    return (
      <span class="picture picture-none" style={{ inlineSize: `${size}px`, blockSize: `${size}px` }}>
        <Icon svg={imageOff} size={Math.min(28, Math.round(size / 2.4))} />
      </span>
    );
  }
  return (
    <img
      class="picture"
      src={url}
      alt=""
      width={size}
      height={size}
      decoding="async"
      style={{ inlineSize: `${size}px`, blockSize: `${size}px` }}
      onError={() => setBroken(true)}
    />
  );
}
