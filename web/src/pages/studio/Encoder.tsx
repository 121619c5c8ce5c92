import { useEffect, useState } from 'preact/hooks';
import keyIcon from 'lucide-static/icons/key-round.svg?raw';
import qrIcon from 'lucide-static/icons/qr-code.svg?raw';
import { ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import { Copy } from '../../manage/Copy';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { drawKey, whereToPublish } from './publishing';
import { rememberedKey, rememberedPhrase, rotateKey } from './streamKey';

/** Encoder is what OBS, or any other encoder, has to be told. */
export function Encoder({ channel }: { channel: string }) {
  const where = useLoad(whereToPublish, []);
  const [fresh, setFresh] = useState(() => rememberedKey(channel));
  if (where.error && !where.data) return <Failed error={where.error} onRetry={where.reload} />;
  if (!where.data) return <Skeleton height="240px" />;
  const { rtmp, rtmps, srt, rtsp, whip } = where.data;
  const phrase = fresh ? rememberedPhrase(channel) : undefined;
  return (
    <div class="stack">
      {rtmp && <Copy label={t('server')} value={rtmp.server} />}
      {!rtmp && <Copy label={t('whipServer')} value={whip.url} />}
      {fresh && (
        <>
          <Copy label={t('streamKey')} value={fresh} secret />
          <p class="small source-once">{t('keyOnce')}</p>
          {rtmp && <KeyPicture channel={channel} streamKey={fresh} />}
        </>
      )}
      <NewKey channel={channel} onKey={setFresh} />
      {rtmp && (
        <>
          <ol class="steps small">
            <li>{t('obsStep1')}</li>
            <li>{t('obsStep2')}</li>
            <li>{t('obsStep3')}</li>
            <li>{t('obsStep4')}</li>
          </ol>
        </>
      )}
      {rtmps && (
        <details class="small">
          <summary>RTMPS</summary>
          <Copy label={t('server')} value={rtmps.server} />
        </details>
      )}
      {srt && (
        <details class="small">
          <summary>SRT</summary>
          <div class="stack stack-tight">
            <Copy label={t('server')} value={srt.url + (fresh ?? t('yourKey'))} secret={fresh !== undefined} />
            {phrase && <Copy label={t('passphrase')} value={phrase} secret />}
            <p class="muted">{t('passphraseText')}</p>
          </div>
        </details>
      )}
      {rtsp && (
        <details class="small">
          <summary>RTSP</summary>
          <div class="stack stack-tight">
            <Copy label={t('server')} value={rtsp.url} />
            <p class="muted">{t('rtspText')}</p>
          </div>
        </details>
      )}
      {rtmp && (
        <details class="small">
          <summary>WHIP</summary>
          <Copy label={t('whipServer')} value={whip.url} />
        </details>
      )}
    </div>
  );
}

function NewKey({ channel, onKey }: { channel: string; onKey: (key: string) => void }) {
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      onKey(await rotateKey(channel));
    } catch (error) {
      const forbidden = error instanceof ApiError && error.status === 403;
      toast(forbidden ? t('keyForbidden') : explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="stack stack-tight">
      <Hold kind="bad" svg={keyIcon} busy={busy} onHold={() => void make()} wide>
        {t('holdNewKey')}
      </Hold>
      <p class="small muted">{t('keyWarning')}</p>
    </div>
  );
}

/** KeyPicture shows server and key to the camera of another device, for as long as its sheet is open. */
function KeyPicture({ channel, streamKey }: { channel: string; streamKey: string }) {
  const [open, setOpen] = useState(false);
  const [picture, setPicture] = useState<string>();
  useEffect(() => {
    if (!open) return;
    let url: string | undefined;
    let gone = false;
    drawKey(channel, streamKey).then(
      (drawn) => {
        if (!gone) setPicture((url = URL.createObjectURL(drawn)));
      },
      (error: unknown) => {
        if (gone) return;
        setOpen(false);
        // A key that somebody has replaced in the meantime can no longer be drawn.
        toast(error instanceof ApiError && error.status === 422 ? t('keyReplaced') : explain(error), 'bad');
      },
    );
    return () => {
      gone = true;
      setPicture(undefined);
      if (url) URL.revokeObjectURL(url);
    };
  }, [open, channel, streamKey]);
  return (
    <>
      <Button svg={qrIcon} wide onClick={() => setOpen(true)}>
        {t('showQR')}
      </Button>
      <Sheet title={t('qrTitle')} open={open} onClose={() => setOpen(false)}>
        <div class="stack">
          <div class="key-picture">{picture && <img src={picture} alt={t('qrAlt')} />}</div>
          <p class="muted">{t('qrText')}</p>
          <p class="source-once">{t('qrSecret')}</p>
        </div>
      </Sheet>
    </>
  );
}
