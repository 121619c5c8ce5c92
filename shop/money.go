package shop

import (
	"strconv"
	"strings"
)

// AmountMax is the largest price or total, in minor units. A hundred lines of ten thousand units at this price
// still fit an int64.
const AmountMax = 1_000_000_000_000

// Money is an amount in minor units of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Validate refuses negative and absurd amounts and unknown currencies.
func (m Money) Validate() error {
	if m.Amount < 0 || m.Amount > AmountMax {
		return ErrAmount
	}
	if !KnownCurrency(m.Currency) {
		return ErrCurrency
	}
	return nil
}

// Decimal writes the amount the way people and spreadsheets do: "29.00", "2900" for currencies without minor
// units, "-0.05".
func (m Money) Decimal() string {
	digits := Exponent(m.Currency)
	if digits == 0 {
		return strconv.FormatInt(m.Amount, 10)
	}
	sign, text := "", strconv.FormatInt(m.Amount, 10)
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// KnownCurrency tells whether the code is an active currency of ISO 4217.
func KnownCurrency(code string) bool {
	return len(code) == 3 && code[0] != ' ' && code[2] != ' ' && strings.Contains(currencies, code) && strings.Index(currencies, code)%4 == 0
}

// Exponent is the number of decimal digits of a currency's minor unit.
func Exponent(currency string) int {
	switch {
	case len(currency) != 3:
		return 2
	case strings.Contains(currenciesOfNone, currency):
		return 0
	case strings.Contains(currenciesOfThree, currency):
		return 3
	}
	return 2
}

const (
	currencies = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF " +
		"GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP " +
		"LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB " +
		"PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL " +
		"THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
	currenciesOfNone  = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
	currenciesOfThree = "BHD IQD JOD KWD LYD OMR TND"
)
