// Files of Swagger UI, imported as their paths.

declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
