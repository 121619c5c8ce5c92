export { default } from '../account';
