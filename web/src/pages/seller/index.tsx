import { useEffect } from 'preact/hooks';
import { useLoad } from '../../api/load';
import { api } from '../../api/client';
import type { Account, Membership, Role, Shop } from '../../api/types';
import { navigate, type PathParams } from '../../app/router';
import { TopBar } from '../../app/TopBar';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { t as common } from '../../i18n/common';
import type { Language } from '../../i18n/language';
import { shopsOf } from '../../manage/data';
import { Failed, Gate } from '../../manage/Gate';
import { manage } from '../../manage/messages';
import { Notice } from '../../ui/Card';
import { Access } from './Access';
import { Catalogue } from './Catalogue';
import { seller, t } from './messages';
import { OpenShop } from './OpenShop';
import { Orders } from './Orders';
import { SalesPage } from './SalesPage';
import { Team } from './Team';
import './seller.css';

export const messages = {
  load: async (language: Language) => {
    await Promise.all([seller.load(language), manage.load(language)]);
  },
};

const lastShop = 'hawker.seller.shop';
type Section = 'sales' | 'orders' | 'products' | 'team' | 'access';
const sections: Section[] = ['sales', 'orders', 'products', 'team', 'access'];

/** What a shop's page is told: which shop, and what the reader is there. */
export interface ShopContext {
  shop: Shop;
  role: Role;
  who: Account;
}

/** The seller's pages: /seller/<shop>/<section>/<id>. */
export default function Seller({ params }: { params: PathParams }) {
  const who = useStore(account);
  const [shopID = '', section = 'sales', id] = (params['rest'] ?? '').split('/');
  const shops = shopsOf(who, ['owner', 'seller', 'finance']);
  const here = sections.includes(section as Section) ? (section as Section) : 'sales';
  return (
    <div class="seller">
      <TopBar title={common('seller')}>
        {shops.length > 1 && (
          <select
            class="field-input seller-shops"
            aria-label={t('shop')}
            value={shopID}
            onChange={(event) => navigate(`/seller/${event.currentTarget.value}/${here}`)}
          >
            {shops.map((one) => (
              <option key={one.shop} value={one.shop}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </TopBar>
      <Gate>
        {(signedIn) => <Inside who={signedIn} shops={shops} shopID={shopID} section={here} id={id || undefined} />}
      </Gate>
    </div>
  );
}

interface InsideProps {
  who: Account;
  shops: Membership[];
  shopID: string;
  section: Section;
  id: string | undefined;
}

function Inside({ who, shops, shopID, section, id }: InsideProps) {
  const first = shops.find((one) => one.shop === remembered())?.shop ?? shops[0]?.shop;
  useEffect(() => {
    if (!shopID && first) navigate(`/seller/${first}/sales`, true);
    else if (shopID) remember(shopID);
  }, [shopID, first]);
  if (shops.length === 0 && !who.admin) return <OpenShop who={who} />;
  if (!shopID) return null;
  const role = shops.find((one) => one.shop === shopID)?.role ?? (who.admin ? 'owner' : undefined);
  if (!role) return <Notice title={common('errorForbidden')} text={t('mayNot')} />;
  return <InShop key={shopID} who={who} shopID={shopID} role={role} section={section} id={id} />;
}

function InShop({ who, shopID, role, section, id }: Omit<InsideProps, 'shops'> & { role: Role }) {
  const shop = useLoad((signal) => api.get<Shop>(`/v1/shops/${shopID}`, undefined, signal), [shopID]);
  if (shop.error && !shop.data) return <Failed error={shop.error} onRetry={shop.reload} />;
  const context = shop.data && { shop: shop.data, role, who };
  return (
    <>
      <nav class="seller-nav" aria-label={t('sections')}>
        {sections.map((one) => (
          <a key={one} href={`/seller/${shopID}/${one}`} aria-current={one === section ? 'page' : undefined}>
            {t(one)}
          </a>
        ))}
      </nav>
      <main class="seller-main">
        {context && section === 'sales' && <SalesPage context={context} broadcast={id} />}
        {context && section === 'orders' && <Orders context={context} order={id} />}
        {context && section === 'products' && <Catalogue context={context} product={id} />}
        {context && section === 'team' && <Team context={context} />}
        {context && section === 'access' && <Access context={context} />}
      </main>
    </>
  );
}

function remembered(): string | null {
  try {
    return localStorage.getItem(lastShop);
  } catch {
    return null;
  }
}

function remember(shop: string): void {
  try {
    localStorage.setItem(lastShop, shop);
  } catch {
    // then the first shop is shown next time
  }
}
