import { useState } from 'preact/hooks';
import { api, ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { Channel, Page, Product } from '../../api/types';
import type { PathParams } from '../../app/router';
import { TopBar } from '../../app/TopBar';
import { together } from '../../i18n/catalogue';
import { t as common } from '../../i18n/common';
import { BuySheet, type Offer } from '../../shop/BuySheet';
import { messages as shopMessages, t as shop } from '../../shop/messages';
import { priceRange } from '../../shop/money';
import { Picture } from '../../shop/Picture';
import { Price } from '../../shop/Price';
import { Stock } from '../../shop/Stock';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Skeleton } from '../../ui/Skeleton';
import { own, t } from './messages';
import './channel.css';

export const messages = together(own, shopMessages);

/** The storefront of a channel: what it sells, and the show if one is on. */
export default function ChannelPage({ params }: { params: PathParams }) {
  const name = encodeURIComponent(params['channel']!);
  const channel = useLoad((signal) => api.get<Channel>(`/v1/channels/${name}`, undefined, signal), [name]);
  const shopID = channel.data?.shop;
  const products = useLoad(async (signal) => (shopID ? loadProducts(shopID, signal) : undefined), [shopID]);
  useEvery(5000, channel.reload);
  useEvery(15_000, products.reload);
  const [buying, setBuying] = useState<string>();

  if (!channel.data && channel.error) {
    const missing = channel.error instanceof ApiError && channel.error.status === 404;
    return (
      <>
        <TopBar />
        {missing ? (
          <Notice title={common('notFound')} text={common('notFoundText')} />
        ) : (
          <Notice
            title={common('broken')}
            text={explain(channel.error)}
            action={<Button onClick={channel.reload}>{common('retry')}</Button>}
          />
        )}
      </>
    );
  }

  const list = products.data?.filter((product) => product.state === 'active');
  const bought = list?.find((product) => product.id === buying);
  return (
    <>
      <TopBar title={channel.data?.name ?? ''} />
      <main class="channel">
        {channel.data?.shop_name && channel.data.shop_name !== channel.data.name && (
          <p class="muted">{t('byShop', { shop: channel.data.shop_name })}</p>
        )}
        {channel.data?.live_broadcast && (
          <a class="channel-live" href={`/b/${channel.data.live_broadcast}`}>
            <span class="live-dot" aria-hidden="true" />
            <strong>{t('liveNow')}</strong>
            <span class="button button-accent">{t('watch')}</span>
          </a>
        )}
        <h2>{t('products')}</h2>
        {!list && !products.error && (
          <ul class="shelf" aria-busy="true">
            {[0, 1, 2, 3].map((n) => (
              <li key={n}>
                <Skeleton height="240px" />
              </li>
            ))}
          </ul>
        )}
        {!list && !!products.error && (
          <Notice
            title={common('broken')}
            text={explain(products.error)}
            action={<Button onClick={products.reload}>{common('retry')}</Button>}
          />
        )}
        {list?.length === 0 && <Notice title={t('emptyTitle')} text={t('emptyText')} />}
        <ul class="shelf">
          {list?.map((product) => (
            <Shelf key={product.id} product={product} onBuy={() => setBuying(product.id)} />
          ))}
        </ul>
      </main>
      <BuySheet offer={bought && toOffer(bought, async () => products.reload())} onClose={() => setBuying(undefined)} />
    </>
  );
}

const pagesMax = 20;

async function loadProducts(shopID: string, signal: AbortSignal): Promise<Product[]> {
  const all: Product[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const path = `/v1/shops/${encodeURIComponent(shopID)}/products`;
    const got: Page<Product> = await api.get<Page<Product>>(path, { cursor }, signal);
    all.push(...got.items);
    if (!got.next) break;
    cursor = got.next;
  }
  return all;
}

function toOffer(product: Product, refresh: () => Promise<void>): Offer {
  return { product, variants: product.variants, refresh, context: () => ({}) };
}

function Shelf({ product, onBuy }: { product: Product; onBuy: () => void }) {
  const range = priceRange(product.variants);
  const left = product.variants.some((variant) => variant.available > 0);
  return (
    <li class="shelf-item" data-product={product.id}>
      <Picture picture={product.picture} size={320} />
      <p class="shelf-title user-text" dir="auto">
        {product.title}
      </p>
      {range && <Price {...range} />}
      <Stock variants={product.variants} />
      <Button wide aria-label={left ? shop('buyLabel', { title: product.title }) : undefined} onClick={onBuy}>
        {left ? shop('buy') : shop('waitJoin')}
      </Button>
    </li>
  );
}
