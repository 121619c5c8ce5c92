/** child makes an element within another. */
export function child(parent: Node, tag: string, className: string): HTMLElement {
  const element = parent.appendChild(document.createElement(tag));
  element.className = className;
  return element;
}

export function button(parent: Node, className: string, onClick: () => void): HTMLButtonElement {
  const element = child(parent, 'button', className) as HTMLButtonElement;
  element.type = 'button';
  element.addEventListener('click', onClick);
  return element;
}

/** name gives a button its text, and what is read to those who do not see what it belongs to. */
export function name(element: HTMLElement, text: string, label: string | undefined): void {
  element.textContent = text;
  if (label) element.setAttribute('aria-label', label);
  else element.removeAttribute('aria-label');
}

/** struck is the price before, said in words to those who do not see the line. */
export function struck(before: string, price: string): HTMLElement {
  const element = document.createElement('s');
  const said = child(element, 'span', 'hidden');
  said.textContent = `${before} `;
  element.append(price);
  return element;
}
