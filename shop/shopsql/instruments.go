package shopsql

import (
	"context"
	"database/sql"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/store"
)

const instrumentColumns = `id, buyer_id, provider, token, brand, last4, created_at`

func scanInstrument(rows *sql.Rows) (i shop.Instrument, err error) {
	var created int64
	err = rows.Scan(&i.ID, &i.BuyerID, &i.Provider, &i.Token, &i.Brand, &i.Last4, &created)
	i.CreatedAt = store.Time(created)
	return i, err
}

// SaveInstrument stores a buyer's way to pay.
func (s *Store) SaveInstrument(ctx context.Context, i shop.Instrument) error {
	return wrap("save an instrument", s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO instrument (`+instrumentColumns+`) VALUES `+tuples(1, 7), i.ID, i.BuyerID, i.Provider, i.Token, i.Brand, i.Last4, millis(i.CreatedAt))
		return err
	}))
}

// Instruments lists a buyer's instruments, newest first.
func (s *Store) Instruments(ctx context.Context, buyerID string) (out []shop.Instrument, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanInstrument, `SELECT `+instrumentColumns+` FROM instrument WHERE buyer_id = $1 ORDER BY id DESC LIMIT $2`, buyerID, shop.PageMax)
		return err
	})
	return out, wrap("list instruments", err)
}

// Instrument returns one of the buyer's own.
func (s *Store) Instrument(ctx context.Context, buyerID, id string) (out shop.Instrument, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := rows(ctx, tx, scanInstrument, `SELECT `+instrumentColumns+` FROM instrument WHERE id = $1 AND buyer_id = $2`, id, buyerID)
		if err != nil || len(found) == 0 {
			return orInstrument(err)
		}
		out = found[0]
		return nil
	})
	return out, wrap("read an instrument", err)
}

func orInstrument(err error) error {
	if err == nil {
		return shop.ErrInstrument
	}
	return err
}

// DeleteInstrument deletes one of the buyer's own.
func (s *Store) DeleteInstrument(ctx context.Context, buyerID, id string) error {
	return wrap("delete an instrument", s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `DELETE FROM instrument WHERE id = $1 AND buyer_id = $2`, id, buyerID)
		return exactlyOne(r, err, shop.ErrInstrument)
	}))
}

// ForgetBuyer deletes a person's instruments, contacts and waits.
func (s *Store) ForgetBuyer(ctx context.Context, buyerID string, now time.Time) error {
	return wrap("forget a buyer", s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM instrument WHERE buyer_id = $1`, buyerID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM purchase_contact WHERE buyer_id = $1`, buyerID); err != nil {
			return err
		}
		return forgetWaits(ctx, tx, buyerID, now)
	}))
}

// SavePicture stores what is known of a picture and makes it the product's.
func (s *Store) SavePicture(ctx context.Context, p shop.Picture, productID string, at time.Time) error {
	return wrap("save a picture", s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE product SET picture = $1, updated_at = $2 WHERE id = $3 AND shop_id = $4`, p.ID, millis(at), productID, p.ShopID)
		if err := exactlyOne(r, err, shop.ErrNotFound); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO picture (id, shop_id, content_type, width, height, bytes, created_at) VALUES `+tuples(1, 7), p.ID, p.ShopID, p.ContentType, p.Width, p.Height, p.Bytes, millis(p.CreatedAt))
		return err
	}))
}

// Picture returns what is known of a picture.
func (s *Store) Picture(ctx context.Context, id string) (p shop.Picture, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var created int64
		err := tx.QueryRow(ctx, `SELECT id, shop_id, content_type, width, height, bytes, created_at FROM picture WHERE id = $1`, id).
			Scan(&p.ID, &p.ShopID, &p.ContentType, &p.Width, &p.Height, &p.Bytes, &created)
		if store.NoRows(err) {
			return shop.ErrNotFound
		}
		p.CreatedAt = store.Time(created)
		return err
	})
	return p, wrap("read a picture", err)
}

const sandboxColumns = `id, order_id, amount, currency, state, return_url, pay_at, tell_at, created_at`

func scanSandbox(rows *sql.Rows) (p payment.SandboxPayment, err error) {
	var pay, tell, created int64
	err = rows.Scan(&p.ID, &p.OrderID, &p.Amount.Amount, &p.Amount.Currency, &p.State, &p.ReturnURL, &pay, &tell, &created)
	p.PayAt, p.TellAt, p.CreatedAt = store.Time(pay), store.Time(tell), store.Time(created)
	return p, err
}

// OpenSandboxPayment stores a payment that is decided later, or returns the one of the same id.
func (s *Store) OpenSandboxPayment(ctx context.Context, p payment.SandboxPayment) (out payment.SandboxPayment, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO sandbox_payment (`+sandboxColumns+`) VALUES `+tuples(1, 9)+` ON CONFLICT DO NOTHING`, p.ID, p.OrderID, p.Amount.Amount, p.Amount.Currency,
			string(p.State), p.ReturnURL, millis(p.PayAt), millis(p.TellAt), millis(p.CreatedAt)); err != nil {
			return err
		}
		out, err = sandboxPayment(ctx, tx, p.ID, "")
		return err
	})
	return out, wrap("open a sandbox payment", err)
}

// SandboxPayment returns one payment.
func (s *Store) SandboxPayment(ctx context.Context, id string) (p payment.SandboxPayment, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		p, err = sandboxPayment(ctx, tx, id, "")
		return err
	})
	return p, wrap("read a sandbox payment", err)
}

func sandboxPayment(ctx context.Context, tx *store.Tx, id, lock string) (payment.SandboxPayment, error) {
	found, err := rows(ctx, tx, scanSandbox, `SELECT `+sandboxColumns+` FROM sandbox_payment WHERE id = $1`+lock, id)
	if err != nil || len(found) == 0 {
		return payment.SandboxPayment{}, orNotFound(err)
	}
	return found[0], nil
}

// DecideSandboxPayment decides an open payment and notes when to tell; a decided one stays as it is.
func (s *Store) DecideSandboxPayment(ctx context.Context, id string, state payment.SandboxState, tellAt time.Time) (p payment.SandboxPayment, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if p, err = sandboxPayment(ctx, tx, id, tx.ForUpdate()); err != nil || p.State != payment.SandboxOpen {
			return err
		}
		p.State, p.TellAt = state, at(tellAt)
		_, err := tx.Exec(ctx, `UPDATE sandbox_payment SET state = $1, tell_at = $2 WHERE id = $3`, string(state), millis(tellAt), id)
		return err
	})
	return p, wrap("decide a sandbox payment", err)
}

// SandboxPaymentsToTell lists payments whose webhook is due.
func (s *Store) SandboxPaymentsToTell(ctx context.Context, now time.Time, limit int) (out []payment.SandboxPayment, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanSandbox, `SELECT `+sandboxColumns+` FROM sandbox_payment WHERE tell_at > 0 AND tell_at <= $1 ORDER BY tell_at, id LIMIT $2`, millis(now), limit)
		return err
	})
	return out, wrap("list sandbox payments", err)
}

// SandboxPaymentTold notes when to tell again; the zero time means never.
func (s *Store) SandboxPaymentTold(ctx context.Context, id string, again time.Time) error {
	return wrap("note a sandbox webhook", s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE sandbox_payment SET tell_at = $1 WHERE id = $2`, millis(again), id)
		return err
	}))
}
