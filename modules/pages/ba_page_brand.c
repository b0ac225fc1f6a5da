/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One colour that somebody likes, made into those that people can read: as ground of a
 * button, and as links on the light and the dark ground of style.css (WCAG 2, contrast). */

#include "ba_page.h"

#include <apr_strings.h>

#define LIGHT_GROUND 0xFFFFFF
#define DARK_GROUND 0x171C24
#define CONTRAST 4.6 /* 4.5 and something for rounding */

/* x to the power of 2.4, x from 0 to 1: the fifth root of x^12, by Newton's method. */
static double power(double x)
{
    double target = x * x * x * x * x * x * x * x * x * x * x * x, root = 1;

    for (int i = 0; i < 60; ++i) {
        root -= (root * root * root * root * root - target) / (5 * root * root * root * root);
    }
    return root;
}

static double channel(int c)
{
    double x = c / 255.0;

    return x <= 0.04045 ? x / 12.92 : power((x + 0.055) / 1.055);
}

static double luminance(int color)
{
    return 0.2126 * channel(color >> 16 & 255) + 0.7152 * channel(color >> 8 & 255)
           + 0.0722 * channel(color & 255);
}

static double contrast(int a, int b)
{
    double x = luminance(a), y = luminance(b);

    return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

/* So many percent of the way from a to b. */
static int mix(int a, int b, int percent)
{
    int out = 0;

    for (int shift = 16; shift >= 0; shift -= 8) {
        int from = a >> shift & 255, to = b >> shift & 255;

        out |= (from + (to - from) * percent / 100) << shift;
    }
    return out;
}

/* The colour, as far towards the end as it has to go to be read on the ground. */
static int readable(int color, int ground, int end)
{
    int percent = 0;

    while (percent < 100 && contrast(mix(color, end, percent), ground) < CONTRAST) {
        percent += 2;
    }
    return mix(color, end, percent);
}

const char *ba_page_brand_style(const ba_brand *brand, apr_pool_t *pool)
{
    int color = brand->color;
    int on = contrast(color, 0xFFFFFF) >= contrast(color, 0x111111) ? 0xFFFFFF : 0x111111;

    /* a ground of middling grey carries neither well: move it away from its text */
    color = readable(color, on, on == 0xFFFFFF ? 0 : 0xFFFFFF);
    return apr_psprintf(pool,
                        ":root{--brand:#%06x;--brand-hover:#%06x;--on-brand:#%06x;--link:#%06x}\n"
                        "@media(prefers-color-scheme:dark){:root{--brand:#%06x;"
                        "--brand-hover:#%06x;--link:#%06x}}\n",
                        color, mix(color, on == 0xFFFFFF ? 0 : 0xFFFFFF, 14), on,
                        readable(brand->color, LIGHT_GROUND, 0), color,
                        mix(color, on == 0xFFFFFF ? 0 : 0xFFFFFF, 14),
                        readable(brand->color, DARK_GROUND, 0xFFFFFF));
}
