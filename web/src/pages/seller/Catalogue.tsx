import { useState } from 'preact/hooks';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import { pictureURL } from '../../api/client';
import { useLoad } from '../../api/load';
import type { Product } from '../../api/types';
import { navigate } from '../../app/router';
import { money, number } from '../../i18n/format';
import { loadProducts, stockOf } from '../../manage/data';
import { Failed } from '../../manage/Gate';
import { t as manage } from '../../manage/messages';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Chips, Field } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import type { ShopContext } from './index';
import { t } from './messages';
import { NewProduct } from './NewProduct';
import { ProductEditor } from './ProductEditor';

type Shown = 'active' | 'archived';

/** Catalogue lists what the shop sells, and opens one product to change it. */
export function Catalogue({ context, product }: { context: ShopContext; product: string | undefined }) {
  const { shop, role } = context;
  const products = useLoad((signal) => loadProducts(shop.id, signal, true), [shop.id]);
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState<Shown>('active');
  const [making, setMaking] = useState(false);
  const mayWrite = role !== 'finance';
  const all = products.data ?? [];
  const matching = all.filter(
    (one) => (one.state === 'archived') === (shown === 'archived') && matches(one, search.trim()),
  );
  const open = all.find((one) => one.id === product);
  const close = () => navigate(`/seller/${shop.id}/products`);

  if (products.error && !products.data) return <Failed error={products.error} onRetry={products.reload} />;
  return (
    <>
      <header class="section-head">
        <Field
          label={t('search')}
          type="search"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <Chips<Shown>
          label={t('state')}
          value={shown}
          options={[
            { value: 'active', label: t('onSale') },
            { value: 'archived', label: t('archived') },
          ]}
          onChange={setShown}
        />
        {mayWrite && (
          <Button kind="accent" svg={plusIcon} onClick={() => setMaking(true)}>
            {t('newProduct')}
          </Button>
        )}
      </header>
      {!products.data ? (
        <CatalogueSkeleton />
      ) : all.length === 0 ? (
        <Notice title={t('noProducts')} text={t('noProductsText')} />
      ) : matching.length === 0 ? (
        <Notice title={t('noMatch')} />
      ) : (
        <ul class="products">
          {matching.map((one) => (
            <li key={one.id}>
              <Card product={one} href={`/seller/${shop.id}/products/${one.id}`} />
            </li>
          ))}
        </ul>
      )}
      <Sheet title={t('newProduct')} open={making} onClose={() => setMaking(false)}>
        {making && (
          <NewProduct
            shop={shop}
            onMade={(id) => {
              setMaking(false);
              products.reload();
              navigate(`/seller/${shop.id}/products/${id}`);
            }}
          />
        )}
      </Sheet>
      <Sheet title={open?.title ?? ''} open={open !== undefined} onClose={close}>
        {open && (
          <ProductEditor
            key={open.id}
            product={open}
            mayWrite={mayWrite}
            onChanged={products.reload}
            onArchived={() => {
              products.reload();
              close();
            }}
          />
        )}
      </Sheet>
    </>
  );
}

function Card({ product, href }: { product: Product; href: string }) {
  const left = stockOf(product);
  const picture = pictureURL(product.picture);
  return (
    <a class="product-card" href={href} aria-label={t('editProduct', { title: product.title })}>
      {picture ? (
        <img src={picture} alt="" width={64} height={64} loading="lazy" decoding="async" />
      ) : (
        <span class="product-none" />
      )}
      <span class="product-text">
        <span class="product-title" dir="auto">
          {product.title}
        </span>
        <span class="small tabular">
          {money(product.price)}
          {product.variants.length > 1 && (
            <span class="muted">
              {' '}
              · {t('variants')}: {number(product.variants.length)}
            </span>
          )}
        </span>
        <span class={left === 0 ? 'small table-bad' : 'small muted tabular'}>
          {left === 0 ? manage('soldOut') : manage('left', { count: left })}
        </span>
      </span>
    </a>
  );
}

function matches(product: Product, search: string): boolean {
  if (search === '') return true;
  const wanted = search.toLocaleLowerCase();
  const texts = [product.title, ...product.variants.flatMap((one) => [one.title, one.sku ?? ''])];
  return texts.some((text) => text.toLocaleLowerCase().includes(wanted));
}

function CatalogueSkeleton() {
  return (
    <div class="products" aria-busy="true">
      {[0, 1, 2, 3, 4, 5].map((n) => (
        <Skeleton key={n} height="90px" />
      ))}
    </div>
  );
}
