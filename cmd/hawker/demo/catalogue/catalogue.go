// Package catalogue is the demo shop's catalogue: a dozen products with drawn pictures, prices and stock. It holds data
// only; nothing enters, and the seed in cmd/hawker takes it out. make-pictures.mjs draws the pictures.
package catalogue

import "embed"

//go:embed pictures/*.jpg
var pictures embed.FS

// Picture returns the JPEG of a product.
func Picture(slug string) ([]byte, error) { return pictures.ReadFile("pictures/" + slug + ".jpg") }

// Product is one product of the demo shop. Prices are in euro cents.
type Product struct {
	Slug, Title, Description string
	Service                  bool
	Price, CompareAt         int64
	Variants                 []Variant
}

// Variant is one variant with its opening stock.
type Variant struct {
	Title    string
	Stock    int64
	PerBuyer int64
}

// Million is the product whose first variant has a million units, for scripts that buy a lot.
const Million = "tea-glasses"

// Products is the catalogue, in the order of the show.
var Products = []Product{
	{Slug: "linen-shirt", Title: "Linen shirt", Description: "Washed European linen, mother-of-pearl buttons. Cut a little wide for warm evenings.", Price: 2900, CompareAt: 3900,
		Variants: []Variant{{Title: "S", Stock: 12}, {Title: "M", Stock: 40}, {Title: "L", Stock: 34}, {Title: "XL", Stock: 0}}},
	{Slug: "brass-lantern", Title: "Brass lantern", Description: "Hand-cut brass and glass, with a candle that burns for six hours.", Price: 4500,
		Variants: []Variant{{Title: "Standard", Stock: 120}}},
	{Slug: Million, Title: "Tea glasses, set of three", Description: "Gold-rimmed glasses and saucers for strong black tea.", Price: 1990, CompareAt: 2490,
		Variants: []Variant{{Title: "Set of three", Stock: 1_000_000}}},
	{Slug: "silk-scarf", Title: "Silk scarf", Description: "Hand-rolled edges, printed in Como. 90 by 90 centimetres.", Price: 5900,
		Variants: []Variant{{Title: "Ruby", Stock: 25, PerBuyer: 2}, {Title: "Amber", Stock: 18, PerBuyer: 2}}},
	{Slug: "woven-basket", Title: "Woven basket", Description: "Seagrass with a willow handle. Carries eight kilograms home from the market.", Price: 3400,
		Variants: []Variant{{Title: "Medium", Stock: 60}, {Title: "Large", Stock: 44}}},
	{Slug: "olive-oil", Title: "Olive oil, first pressing", Description: "Koroneiki olives, picked in November, pressed the same night. 500 ml.", Price: 1450,
		Variants: []Variant{{Title: "One bottle", Stock: 240}, {Title: "Six bottles", Stock: 30}}},
	{Slug: "leather-sandals", Title: "Leather sandals", Description: "Vegetable-tanned leather, a brass buckle, and a sole that can be replaced.", Price: 6900, CompareAt: 7900,
		Variants: []Variant{{Title: "37", Stock: 6}, {Title: "38", Stock: 9}, {Title: "39", Stock: 11}, {Title: "40", Stock: 8}, {Title: "41", Stock: 5}}},
	{Slug: "enamel-kettle", Title: "Enamel kettle", Description: "Two litres, for every stove, deep blue with white stars.", Price: 3900,
		Variants: []Variant{{Title: "Night blue", Stock: 70}}},
	{Slug: "wool-throw", Title: "Wool throw", Description: "Lambswool from the highlands, 130 by 180 centimetres.", Price: 8900,
		Variants: []Variant{{Title: "Plum", Stock: 22}}},
	{Slug: "saffron-tin", Title: "Saffron, one gram", Description: "Whole threads of this year's harvest in a tin that keeps the light out.", Price: 990,
		Variants: []Variant{{Title: "One gram", Stock: 300}}},
	{Slug: "cedar-soap", Title: "Cedar soap", Description: "Olive oil and cedar, cured for nine months.", Price: 650,
		Variants: []Variant{{Title: "One bar", Stock: 500}, {Title: "Five bars", Stock: 80}}},
	{Slug: "clay-vase", Title: "Clay vase", Description: "Thrown and fired by hand; no two are the same.", Price: 5200,
		Variants: []Variant{{Title: "Terracotta", Stock: 9}}},
	{Slug: "haircut", Title: "Haircut at Noor's", Description: "Wash, cut and style. Choose your time.", Service: true, Price: 3500,
		Variants: []Variant{{Title: "Saturday 10:00", Stock: 1}, {Title: "Saturday 11:00", Stock: 1}, {Title: "Saturday 12:00", Stock: 1}}},
}
