// A picture from a file button, dropped anywhere on the page, or pasted; shows what was chosen.
// Knows nothing of what happens to the picture.

import { say } from './texts.js';

export class Upload {
  #parts;
  #onPicture;
  #onNothing;
  #address = null;

  /** parts: {panel, choose, input, phone, phoneInput, preview, name, invitation}; onPicture(file); onNothing() when a drop holds no file. */
  constructor(parts, onPicture, onNothing) {
    this.#parts = parts;
    this.#onPicture = onPicture;
    this.#onNothing = onNothing;
    const { choose, input, phone, phoneInput, preview, name } = parts;
    phone.hidden = !isPhone();
    for (const [button, file] of [[choose, input], [phone, phoneInput]]) {
      button.addEventListener('click', () => file.click());
      file.addEventListener('change', () => {
        this.#take(file.files);
        file.value = ''; // so that choosing the same file again is a change
      });
    }
    preview.addEventListener('load', () => {
      preview.style.setProperty('--ratio', preview.naturalWidth / preview.naturalHeight);
    });
    preview.addEventListener('error', () => {
      preview.hidden = true;
      name.hidden = false;
    });
    this.#acceptDrops();
    document.addEventListener('paste', (event) => {
      if (event.clipboardData.files.length > 0) this.#take(event.clipboardData.files);
    });
  }

  #acceptDrops() {
    const root = document.documentElement;
    document.addEventListener('dragover', (event) => {
      event.preventDefault(); // or the browser would open the picture in place of the page
      root.classList.add('dragging');
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) root.classList.remove('dragging');
    });
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      root.classList.remove('dragging');
      this.#take(event.dataTransfer.files);
    });
  }

  #take(files) {
    if (files.length === 0) {
      this.#onNothing();
      return;
    }
    this.#show(files[0]);
    this.#onPicture(files[0]);
  }

  #show(file) {
    const { panel, choose, preview, name, invitation } = this.#parts;
    if (this.#address !== null) URL.revokeObjectURL(this.#address);
    this.#address = null;
    invitation.hidden = true;
    panel.classList.add('filled');
    choose.querySelector('span').textContent = say('chooseAnother');
    name.textContent = file.name || say('pastedPicture');
    const isPicture = file.type.startsWith('image/');
    preview.hidden = !isPicture;
    name.hidden = isPicture;
    if (isPicture) {
      this.#address = URL.createObjectURL(file);
      preview.alt = say('uploadAlt', { name: file.name });
      preview.src = this.#address;
    } else {
      preview.removeAttribute('src');
    }
  }
}

/** Whether this device has a camera of its own behind the file button. */
function isPhone() {
  return navigator.userAgentData?.mobile ?? /Android|iPhone|iPad/.test(navigator.userAgent);
}
